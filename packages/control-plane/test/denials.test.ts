import { createBackground } from '@tenantry/kernel/background/background'
import { createLogger } from '@tenantry/kernel/observability/logger'
import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createInternalCaller } from '../src/caller.ts'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../src/testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** Of the database, who may do what none of our roles may. */
async function administrator(): Promise<pg.Client> {
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

const refusalOf = (who: TestUser | typeof operator, reference: string) =>
  installation
    .callerAs(who)
    .tenants.get({ tenantId: reference })
    .then(
      () => expect.fail('answered'),
      (error) => error,
    )

describe('the refusal of a tenant', () => {
  test('does not wait for its entry in the log, which is written all the same', async () => {
    const { tenant } = await installation.enter()
    const stranger = await installation.createUser()
    const client = await administrator()
    await client.query('begin; lock table tenantry.audit_entries, tenantry.platform_audit_entries')
    expect(await refusalOf(stranger, tenant.slug)).toMatchObject({ code: 'tenant.not_found' })
    await client.query('rollback')
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      { action: 'access.denied', actorId: stranger.id, details: { code: 'tenant.not_found' } },
    ])
  })

  test('does not even wait for the question whether there is such a tenant', async () => {
    const { tenant } = await installation.enter()
    const stranger = await installation.createUser()
    const { promise: never } = Promise.withResolvers<null>()
    const { dependencies } = installation
    const asked = vi.fn(() => never)
    const directory = { ...dependencies.directory, findTenantId: asked }
    const actor = { type: 'user', ...stranger, name: null } as const
    const caller = createInternalCaller({ ...dependencies, directory, background: createBackground() }, { actor })
    await expect(caller.tenants.get({ tenantId: tenant.id })).rejects.toMatchObject({ code: 'tenant.not_found' })
    await expect.poll(() => asked.mock.calls).toEqual([[tenant.id]])
  })

  test('whose entry cannot be written is counted, and said at error', async () => {
    const { tenant } = await installation.enter()
    const stranger = await installation.createUser()
    const { dependencies } = installation
    const lines: string[] = []
    const logger = createLogger({ level: 'error', destination: { write: (line) => void lines.push(line) } })
    const auditFailed = vi.fn()
    const caller = createInternalCaller(
      { ...dependencies, logger, metrics: { ...dependencies.metrics, auditFailed } },
      { actor: { type: 'user', ...stranger, name: null }, tenantId: tenant.id },
    )
    const client = await administrator()
    await client.query('revoke insert on tenantry.platform_audit_entries from tenantry_platform')
    onTestFinished(async () => {
      await client.query('grant insert on tenantry.platform_audit_entries to tenantry_platform')
    })
    await expect(caller.tenants.info()).rejects.toMatchObject({ code: 'tenant.not_found' })
    await dependencies.background.settled()
    expect(auditFailed.mock.calls).toEqual([['access.denied']])
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'error', msg: 'a denial could not be audited', code: 'tenant.not_found' },
    ])
  })
})

describe('whoever looks for tenants of others', () => {
  test('is stopped after thirty in a minute, whether they exist, and still reaches their own', async () => {
    const { tenant: own, user } = await installation.enter()
    const { tenant: foreign } = await installation.enter()
    for (let attempt = 0; attempt < 30; attempt++)
      expect(await refusalOf(user, attempt % 2 ? newId() : foreign.slug)).toMatchObject({ code: 'tenant.not_found' })
    for (const reference of [foreign.id, foreign.slug, newId(), 'no-such-tenant']) {
      expect(await refusalOf(user, reference)).toMatchObject({
        code: 'rate_limit.exceeded',
        status: 429,
        details: { limit: 30, retryAfterSeconds: expect.any(Number) },
      })
    }
    expect(await installation.callerAs(user).tenants.get({ tenantId: own.slug })).toMatchObject({ id: own.id })
    const { user: another } = await installation.enter()
    expect(await refusalOf(another, foreign.slug)).toMatchObject({ code: 'tenant.not_found' })
  })

  test('costs no look-up and no entry beyond that but one', async () => {
    const stranger = await installation.createUser()
    const { dependencies } = installation
    const asked = vi.fn(dependencies.directory.findTenantId)
    const caller = createInternalCaller(
      { ...dependencies, directory: { ...dependencies.directory, findTenantId: asked } },
      { actor: { type: 'user', ...stranger, name: null } },
    )
    for (let attempt = 0; attempt < 40; attempt++)
      await expect(caller.tenants.get({ tenantId: `none-${attempt}` })).rejects.toMatchObject({
        code: attempt < 30 ? 'tenant.not_found' : 'rate_limit.exceeded',
      })
    await dependencies.background.settled()
    expect(asked).toHaveBeenCalledTimes(30)
    const entries = (await installation.platformAuditEntries()).filter(({ actorId }) => actorId === stranger.id)
    const codes = entries.map(({ details }) => details?.code)
    expect(codes.filter((code) => code === 'tenant.not_found')).toHaveLength(30)
    expect(codes.filter((code) => code === 'rate_limit.exceeded')).toHaveLength(1)
  })

  test('draws on the same with tenants that do not agree', async () => {
    const { tenant, user } = await installation.enter()
    const second = await installation.createTenant()
    await installation.addMember(second.id, user.id, 'viewer')
    const mixed = () =>
      installation
        .callerAs(user, second.id)
        .tenants.get({ tenantId: tenant.id })
        .catch((error) => error.code)
    for (let attempt = 0; attempt < 30; attempt++) expect(await mixed()).toBe('tenant.mismatch')
    expect(await mixed()).toBe('rate_limit.exceeded')
  })

  test('is not stopped as an operator, who may see them all', async () => {
    for (let attempt = 0; attempt < 31; attempt++)
      expect(await refusalOf(operator, newId())).toMatchObject({ code: 'tenant.not_found' })
  })
})
