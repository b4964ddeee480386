import { randomBytes } from 'node:crypto'
import { installSigningKeys } from '@tenantry/kernel/tenancy/migrate'
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
