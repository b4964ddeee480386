import { parseKeys, type SealingKey } from '@tenantry/kernel/crypto/sealer'
import { signContext } from '@tenantry/kernel/tenancy/signed-context'
import { Client } from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { runTenantry } from './command-line.ts'
import { startCalls } from './continuing-calls.ts'
import { openProductionSite, startProduction } from './production-process.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Whether PostgreSQL takes what is signed with the key. */
async function isAccepted(url: string, { id, key }: SealingKey): Promise<boolean> {
  const client = new Client(url)
  await client.connect()
  try {
    const token = signContext({ kid: id, secret: key }, 'tenant', '01890000-0000-7000-8000-000000000000')
    await client.query('select set_config($1, $2, false)', ['tenancy.tenant_context', token])
    return (await client.query('select tenancy.current_tenant() is not null as accepted')).rows[0].accepted
  } finally {
    await client.end()
  }
}

test('the signing key is rotated while the processes are replaced: no call fails, and the former key is refused', async () => {
  const site = await openProductionSite()
  onTestFinished(() => site.close())
  const { urls, signingKey } = site.installation.testDatabase
  const environment = { ...site.environment, MIGRATION_DATABASE_URL: urls.tenantry_owner }
  const { headers } = await site.createOwner()
  const old = await startProduction(site.environment)
  let origins = [old.origin]
  let turn = 0
  const next = () => origins[turn++ % origins.length] ?? ''
  const calls = startCalls(next, { ...headers, 'x-forwarded-proto': 'https' })
  await calls.goOn(20)

  const rotated = await runTenantry('signing-key rotate', environment)

  const variable = rotated.variable?.replace('CONTEXT_SIGNING_KEYS=', '')
  const [key, former] = parseKeys(String(variable)) as [SealingKey, SealingKey]
  expect(rotated).toMatchObject({ signs: key.id, retiring: signingKey.kid })
  expect(former).toEqual({ id: signingKey.kid, key: signingKey.secret })
  const configured = { ...environment, CONTEXT_SIGNING_KEYS: String(variable) }
  const young = await startProduction(configured)
  origins = [old.origin, young.origin]
  await calls.goOn(50)
  expect([await isAccepted(urls.tenantry_app, former), await isAccepted(urls.tenantry_app, key)]).toEqual([true, true])
  origins = [young.origin]
  expect((await old.stop('SIGTERM')).code).toBe(0)

  expect(await runTenantry('signing-key retire', configured)).toEqual({ signs: key.id, retired: [former.id] })

  expect(await isAccepted(urls.tenantry_app, former)).toBe(false)
  await calls.goOn(50)
  expect(await calls.stop()).toEqual({ outcomes: [201], answered: expect.any(Number) })
})
