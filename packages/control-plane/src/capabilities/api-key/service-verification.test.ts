import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDependencies } from '../../dependencies.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { asAdmin, deafProcess } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const byKey = (...[key, from]: [key: string, from?: Parameters<typeof callByKey>[2]]) =>
  callByKey(installation.dependencies, key, from)

/** Every transaction that this installation opens from now on, whichever role it is of. */
function countUnits() {
  const { database } = installation
  const doors = Object.keys(database).filter((name) => /(Unit|Read)$/.test(name)) as ('tenantUnit' | 'identityRead')[]
  expect(doors.length).toBeGreaterThan(7)
  const spies = doors.map((door) => vi.spyOn(database, door))
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
  return () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
}

const soon = { timeout: 3_000, interval: 20 }

describe('a verification', () => {
  test('asks the database nothing while it is warm', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    await byKey(key).tenants.info()
    const units = countUnits()
    for (let call = 0; call < 20; call++) await byKey(key).tenants.info()
    expect(units()).toBe(0)
  })

  test('is shared by those who ask at the same moment', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    const identities = vi.spyOn(installation.database, 'identityRead')
    onTestFinished(() => identities.mockRestore())
    await Promise.all(Array.from({ length: 50 }, () => byKey(key).tenants.info()))
    expect(identities).toHaveBeenCalledTimes(1)
  })

  test('of what this installation did not make asks the database nothing', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    const units = countUnits()
    const madeUp = [key.slice(0, -1), `${key}0`, key.replace('tk_test', 'tk_live'), '', 'tk_test', 'x'.repeat(8_000)]
    for (const text of madeUp) {
      expect(await refusalOf(byKey(text).tenants.info())).toMatchObject({ code: 'auth.unauthenticated', status: 401 })
    }
    expect(units()).toBe(0)
  })

  test('of a key that is gone is remembered too', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    await refusalOf(byKey(key).tenants.info())
    const units = countUnits()
    await refusalOf(byKey(key).tenants.info())
    expect(units()).toBe(0)
  })
})

describe('a key that nobody changes', () => {
  test('is asked for once in many seconds, though what it may do is asked for each second', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    const { database } = installation
    const [identities, settings] = [vi.spyOn(database, 'identityRead'), vi.spyOn(database, 'tenantRead')]
    onTestFinished(() => {
      identities.mockRestore()
      settings.mockRestore()
    })
    await byKey(key)
      .apiKeys.list({ tenantId: 'current' })
      .catch(() => undefined)
    const asked = settings.mock.calls.length
    const askAgain = async () => {
      await byKey(key)
        .apiKeys.list({ tenantId: 'current' })
        .catch(() => undefined)
      return settings.mock.calls.length
    }
    await expect.poll(askAgain, soon).toBeGreaterThan(asked)
    expect(identities).toHaveBeenCalledTimes(1)
  })

  test('takes one more round trip while it is cold, whatever is asked of its tenant and creator', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    const elsewhere = deafProcess(installation, 15_000)
    const { promise, resolve } = Promise.withResolvers<void>()
    const reads: string[] = []
    const { database } = installation
    const held = <Name extends 'userUnit' | 'tenantRead'>(name: Name) => {
      const real = database[name].bind(database) as (...given: unknown[]) => Promise<unknown>
      const spy = vi.spyOn(database, name).mockImplementation((async (...given: unknown[]) => {
        reads.push(name)
        await promise
        return real(...given)
      }) as never)
      onTestFinished(() => spy.mockRestore())
    }
    held('userUnit')
    held('tenantRead')
    const answer = callByKey(elsewhere, key).tenants.info()
    await expect.poll(() => reads.toSorted(), soon).toEqual(['tenantRead', 'tenantRead', 'userUnit'])
    resolve()
    await answer
  })
})

describe('a key that is revoked', () => {
  test('while it is in use fails from then on, and no call of it half way', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller, ['usage:write', 'usage:read'])
    let revoked = false
    const outcomes: string[] = []
    const use = async () => {
      while (outcomes.length < 2_000) {
        const startedAfter = revoked
        const outcome = await byKey(key)
          .usage.track({ tenantId: 'current', metric: 'tokens' })
          .then(
            () => 'counted',
            (error) => error.cause?.code ?? String(error),
          )
        outcomes.push(startedAfter && outcome === 'counted' ? 'counted after the revocation' : outcome)
        if (outcome !== 'counted') return
      }
    }
    const using = Promise.all(Array.from({ length: 4 }, use))
    await expect.poll(() => outcomes.length, soon).toBeGreaterThan(20)
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    revoked = true
    await using
    expect(new Set(outcomes)).toEqual(new Set(['counted', 'auth.unauthenticated']))
    const { used } = await caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: 1 })
    expect(used).toBe(outcomes.filter((outcome) => outcome === 'counted').length + 1)
  })

  test('fails at once in another process that hears of it', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    const { dependencies } = installation
    const { bus, cache, catalogue, apiKeys } = dependencies.services
    const elsewhere = createDependencies({ ...dependencies, bus, cache, catalogue, apiKeyTexts: apiKeys.texts })
    await callByKey(elsewhere, key).tenants.info()
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    expect(await refusalOf(callByKey(elsewhere, key).tenants.info())).toMatchObject({ code: 'auth.unauthenticated' })
  })

  test('is kept for the job that removes it until every process has seen that it was', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId } = await create(caller)
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    const seen = async () => {
      const jobs = new pg.Client(installation.testDatabase.urls.tenantry_jobs)
      await jobs.connect()
      const { rowCount } = await jobs.query('delete from tenantry.api_keys where id = $1', [apiKeyId])
      await jobs.end()
      return rowCount
    }
    expect(await seen()).toBe(0)
    const later = `update tenantry.api_keys set revoked_at = now() - interval '2 hours' where id = $1`
    await asAdmin(installation, later, [apiKeyId])
    expect(await seen()).toBe(1)
  })

  test('fails within a second in a process that hears nothing of it', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    const elsewhere = deafProcess(installation, 15_000)
    const call = () => callByKey(elsewhere, key).tenants.info()
    await call()
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
    const revokedAt = performance.now()
    await expect
      .poll(
        () =>
          call().then(
            () => 'works',
            (error) => error.cause.code,
          ),
        soon,
      )
      .toBe('auth.unauthenticated')
    expect(performance.now() - revokedAt).toBeLessThan(1_500)
  })
})

describe('a key does no more than its creator still may', () => {
  const setRole = (userId: string, role: string) =>
    asAdmin(installation, 'update tenantry.memberships set role = $2 where user_id = $1', [userId, role])

  test('within a second of a change of role, down and up again', async () => {
    const { tenant } = await installation.enter()
    const admin = await installation.createMember(tenant.id, 'admin')
    const { key } = await create(installation.callerAs(admin, tenant.id), ['usage:write', 'tenant:read'])
    const write = () =>
      byKey(key)
        .usage.track({ tenantId: 'current', metric: 'tokens' })
        .then(
          () => 'written',
          (error) => error.cause.code,
        )
    expect(await write()).toBe('written')
    await setRole(admin.id, 'viewer')
    await expect.poll(write, soon).toBe('auth.permission_denied')
    expect(await byKey(key).tenants.info()).toMatchObject({ id: tenant.id })
    await setRole(admin.id, 'admin')
    await expect.poll(write, soon).toBe('written')
  })

  test('nor than the key itself, whatever its creator becomes', async () => {
    const { tenant } = await installation.enter()
    const admin = await installation.createMember(tenant.id, 'admin')
    const { key } = await create(installation.callerAs(admin, tenant.id), ['usage:read'])
    await setRole(admin.id, 'owner')
    expect(await refusalOf(byKey(key).tenants.info())).toMatchObject({
      code: 'auth.permission_denied',
      details: { missingScope: 'tenant:read' },
    })
  })

  test('and nothing once the creator is no member', async () => {
    const { user, caller } = await installation.enter()
    const { key } = await create(caller)
    await byKey(key).tenants.info()
    await asAdmin(installation, 'delete from tenantry.memberships where user_id = $1', [user.id])
    await expect
      .poll(
        () =>
          byKey(key)
            .tenants.info()
            .then(
              () => 'works',
              (error) => error.cause.message,
            ),
        soon,
      )
      .toMatch(/has no access to its tenant any more/)
  })

  test('also where the creator’s role is inherited', async () => {
    const { tenant: parent, user } = await installation.enter({ role: 'admin' })
    const child = await installation.createTenant({ parent })
    const { key } = await create(installation.callerAs(user, child.id))
    expect(await byKey(key).tenants.info()).toMatchObject({ id: child.id, userRole: null })
    expect(await refusalOf(byKey(key, { header: parent.slug }).tenants.info())).toMatchObject({
      code: 'tenant.mismatch',
    })
  })
})

test('a key names no tenant by an externalId that it gave up a second ago, in a process that has heard nothing of it', async () => {
  const { tenant, caller } = await installation.enter()
  const former = `former_${tenant.slug}`
  await caller.tenants.update({ tenantId: 'current', externalId: former })
  const { key } = await create(caller)
  const { apiKeys } = deafProcess(installation, 1_000)
  const names = async () => (await apiKeys.verify(key, { address: null, userAgent: null })).tenantNames
  expect(await names()).toEqual([tenant.id, tenant.slug, former])
  await caller.tenants.update({ tenantId: 'current', externalId: `later_${tenant.slug}` })
  await expect.poll(names, soon).toEqual([tenant.id, tenant.slug, `later_${tenant.slug}`])
})
