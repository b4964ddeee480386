import { randomBytes } from 'node:crypto'
import { installSigningKeys, listAcceptedKeys } from '@tenantry/kernel/tenancy/migrate'
import type { SigningKey } from '@tenantry/kernel/tenancy/signed-context'
import { openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import pg from 'pg'
import { expect, test } from 'vitest'
import { Tenant } from '../src/capabilities/tenant/entity.ts'
import { entities } from '../src/entities.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'

const newKey = (kid: string): SigningKey => ({ kid, secret: randomBytes(32) })

/** What a process that signs with the key sees of the tenant. */
async function seenBy({ testDatabase }: TestInstallation, signingKey: SigningKey, tenantId: string): Promise<string[]> {
  const database = await openDatabase({
    appUrl: testDatabase.urls.tenantry_app,
    platformUrl: testDatabase.urls.tenantry_platform,
    entities,
    signingKey,
    poolSize: 1,
    statementTimeoutMilliseconds: 5_000,
  })
  try {
    const unit = { tenantId, actor: { type: 'system', name: 'test' } as const, readOnly: true }
    return await database.tenantUnit(unit, async (em) => (await em.find(Tenant, {})).map(({ id }) => id))
  } finally {
    await database.close()
  }
}

test('keys rotate without a gap: old, both, new, and the old one is refused from then on', async () => {
  await using installation = await openTestInstallation()
  const { tenantry_owner: ownerUrl } = installation.testDatabase.urls
  const { id } = await installation.createTenant()
  const old = installation.testDatabase.signingKey
  const next = newKey('next')
  const seen = async (key: SigningKey) => (await seenBy(installation, key, id)).length === 1

  expect([await seen(old), await seen(next)]).toEqual([true, false])
  await installSigningKeys(ownerUrl, [old, next])
  expect([await seen(old), await seen(next)]).toEqual([true, true])
  await installSigningKeys(ownerUrl, [next])
  expect([await seen(old), await seen(next)]).toEqual([false, true])
})

test('a key that was retired by mistake serves again once it is named again', async () => {
  await using installation = await openTestInstallation()
  const { signingKey, urls } = installation.testDatabase
  const { id } = await installation.createTenant()
  await installSigningKeys(urls.tenantry_owner, [newKey('next')])
  expect(await seenBy(installation, signingKey, id)).toEqual([])
  await installSigningKeys(urls.tenantry_owner, [signingKey])
  expect(await seenBy(installation, signingKey, id)).toEqual([id])
})

test('a key that the list leaves out is refused at once, even where it was to retire later', async () => {
  await using installation = await openTestInstallation()
  const { signingKey, urls } = installation.testDatabase
  const { id } = await installation.createTenant()
  const owner = new pg.Client(urls.tenantry_owner)
  await owner.connect()
  await owner.query("update tenancy.signing_keys set retires_at = now() + interval '30 days'")
  await owner.end()
  await installSigningKeys(urls.tenantry_owner, [newKey('next')])
  expect(await seenBy(installation, signingKey, id)).toEqual([])
})

test('a key of a known id but another secret is refused, and nothing is changed by the attempt', async () => {
  await using installation = await openTestInstallation()
  const { signingKey, urls } = installation.testDatabase
  const { id } = await installation.createTenant()
  const impostor = newKey(signingKey.kid)
  await expect(installSigningKeys(urls.tenantry_owner, [newKey('next'), impostor])).rejects.toThrow('another secret')
  expect(await seenBy(installation, impostor, id)).toEqual([])
  expect(await seenBy(installation, signingKey, id)).toEqual([id])
  await expect(installSigningKeys(urls.tenantry_owner, [])).rejects.toThrow('At least one')
  const three = [signingKey, newKey('next'), newKey('third')]
  await expect(installSigningKeys(urls.tenantry_owner, three)).rejects.toThrow('At most two')
})

test('a key that is to retire at a time is accepted until then', async () => {
  await using installation = await openTestInstallation()
  const { signingKey, urls } = installation.testDatabase
  const { id } = await installation.createTenant()
  const retiring = (milliseconds: number) => ({ ...signingKey, retiresAt: new Date(Date.now() + milliseconds) })
  await installSigningKeys(urls.tenantry_owner, [newKey('next'), retiring(60_000)])
  expect(await seenBy(installation, signingKey, id)).toEqual([id])
  expect((await listAcceptedKeys(urls.tenantry_owner)).map(({ kid }) => kid)).toEqual(['test', 'next'])
  await installSigningKeys(urls.tenantry_owner, [newKey('other'), retiring(-1)])
  expect(await seenBy(installation, signingKey, id)).toEqual([])
  expect((await listAcceptedKeys(urls.tenantry_owner)).map(({ kid }) => kid)).toEqual(['other'])
})

test('pools take a new key up while units of work run, and none fails', async () => {
  await using installation = await openTestInstallation()
  const { urls, signingKey: old } = installation.testDatabase
  const { id } = await installation.createTenant()
  const next = newKey('next')
  let current = old
  const database = await openDatabase({
    appUrl: urls.tenantry_app,
    platformUrl: urls.tenantry_platform,
    entities,
    signingKey: () => current,
    poolSize: 2,
    statementTimeoutMilliseconds: 5_000,
  })
  const unit = { tenantId: id, actor: { type: 'system', name: 'test' } as const, readOnly: true }
  const units = (count: number) =>
    Promise.all(Array.from({ length: count }, () => database.tenantUnit(unit, (em) => em.count(Tenant))))
  const before = units(20)
  await installSigningKeys(urls.tenantry_owner, [old, next])
  const between = units(20)
  current = next
  const after = units(20)
  const seen = [await before, await between, await after].flat()
  await installSigningKeys(urls.tenantry_owner, [next])
  seen.push(...(await units(5)))
  await database.close()
  expect(seen).toEqual(seen.map(() => 1))
})

test('a key may be set to retire at a time, and a secret that is too short is no key', async () => {
  await using installation = await openTestInstallation()
  const { signingKey, urls } = installation.testDatabase
  const { id } = await installation.createTenant()
  const owner = new pg.Client(urls.tenantry_owner)
  await owner.connect()
  try {
    await owner.query(`update tenancy.signing_keys set retires_at = now() + interval '1 hour'`)
    expect(await seenBy(installation, signingKey, id)).toEqual([id])
    await owner.query('update tenancy.signing_keys set retires_at = now()')
    expect(await seenBy(installation, signingKey, id)).toEqual([])
    const short = { kid: 'short', secret: randomBytes(31) }
    await expect(installSigningKeys(urls.tenantry_owner, [short])).rejects.toMatchObject({ code: '23514' })
  } finally {
    await owner.end()
  }
})
