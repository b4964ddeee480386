import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let now = new Date()
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000)

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const works = (key: string) => callByKey(installation.dependencies, key).tenants.info()

describe('a rotation', () => {
  test('gives a new secret; the old one works on for as long as it was told, and no longer', async () => {
    const { tenant, caller } = await installation.enter()
    const first = await create(caller)
    const { key, ...shown } = await caller.apiKeys.rotate({
      tenantId: 'current',
      apiKeyId: first.id,
      overlapSeconds: 600,
    })
    const endsAt = later(600)
    const { key: _key, ...before } = first
    expect(shown).toEqual({
      ...before,
      rotatedAt: now.toISOString(),
      formerSecretEndsAt: endsAt.toISOString(),
    })
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      { action: 'api_key.created' },
      {
        action: 'api_key.rotated',
        targetId: first.id,
        details: { name: 'Scheduler', scopes: ['tenant:read'], formerSecretEndsAt: endsAt.toISOString() },
      },
    ])
    for (const secret of [key, first.key]) expect(await works(secret)).toMatchObject({ id: tenant.id })

    now = later(601)
    expect(await works(key)).toMatchObject({ id: tenant.id })
    const refused = await refusalOf(works(first.key))
    expect(refused).toMatchObject({ code: 'auth.unauthenticated', message: expect.stringMatching(/expired/) })
    const { items } = await caller.apiKeys.list({ tenantId: 'current' })
    expect(items).toMatchObject([{ formerSecretEndsAt: null }])
  })

  test('lasts a day unless told', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId } = await create(caller)
    const { formerSecretEndsAt } = await caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    expect(formerSecretEndsAt).toBe(later(86_400).toISOString())
    const tooLong = caller.apiKeys.rotate({ tenantId: 'current', apiKeyId, overlapSeconds: 604_801 })
    expect(await refusalOf(tooLong)).toMatchObject({ details: { issues: [{ path: 'overlapSeconds' }] } })
  })

  test('with no overlap ends every secret before it at once', async () => {
    const { caller } = await installation.enter()
    const first = await create(caller)
    const rotate = (overlapSeconds: number) =>
      caller.apiKeys.rotate({ tenantId: 'current', apiKeyId: first.id, overlapSeconds })
    const second = await rotate(600)
    for (const { key } of [first, second]) await works(key)
    const third = await rotate(0)
    expect(third.formerSecretEndsAt).toBeNull()
    await works(third.key)
    for (const { key } of [first, second]) {
      expect(await refusalOf(works(key))).toMatchObject({ code: 'auth.unauthenticated' })
    }
  })

  test('twice at once leaves what both were told true: one gives a secret, the other is refused', async () => {
    const { caller } = await installation.enter()
    const first = await create(caller)
    const rotate = () => caller.apiKeys.rotate({ tenantId: 'current', apiKeyId: first.id, overlapSeconds: 60 })
    const outcomes = await Promise.allSettled([rotate(), rotate()])
    const [done] = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused?.reason).toMatchObject({
      code: 'api_key.overlap_running',
      status: 409,
      details: { resetsAt: later(60).toISOString() },
    })
    for (const key of [first.key, done?.value.key ?? '']) await works(key)

    now = later(61)
    expect((await rotate()).formerSecretEndsAt).toBe(later(60).toISOString())
  })

  test('is for who made the key: another’s secret would outlive the membership of who got it', async () => {
    const { tenant, caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    const colleague = installation.callerAs(await installation.createMember(tenant.id, 'owner'), tenant.id)
    for (const other of [colleague, installation.callerAs(operator, tenant.id)]) {
      expect(await refusalOf(other.apiKeys.rotate({ tenantId: 'current', apiKeyId }))).toMatchObject({
        code: 'auth.permission_denied',
        message: expect.stringMatching(/^Only who made an API key rotates it\. Revoke it/),
      })
    }
    await works(key)
    const service = installation.callerAs({ type: 'service', name: 'onboarding' }, tenant.id)
    const ofService = await create(service)
    await works((await service.apiKeys.rotate({ tenantId: 'current', apiKeyId: ofService.id })).key)
  })

  test('by a key is of itself only', async () => {
    const { caller } = await installation.enter()
    const own = await create(caller, ['keys:manage', 'tenant:read'])
    const other = await create(caller)
    const byKey = callByKey(installation.dependencies, own.key)
    const { key } = await byKey.apiKeys.rotate({ tenantId: 'current', apiKeyId: own.id })
    await works(key)
    const rotation = byKey.apiKeys.rotate({ tenantId: 'current', apiKeyId: other.id })
    expect(await refusalOf(rotation)).toMatchObject({ code: 'auth.permission_denied' })
  })

  test('of a key that has expired is refused', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId } = await create(caller, ['tenant:read'], { expiresAt: later(10).toISOString() })
    now = later(10)
    const rotation = caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    expect(await refusalOf(rotation)).toMatchObject({ code: 'api_key.expired', status: 409 })
  })
})

describe('a revocation', () => {
  test('ends the key for good, leaves nothing of its secrets, and stands in the log', async () => {
    const { tenant, caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    await caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    await works(key)
    expect(await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })).toEqual({
      id: apiKeyId,
      revokedAt: now.toISOString(),
    })
    expect(await refusalOf(works(key))).toMatchObject({ code: 'auth.unauthenticated' })
    expect(await caller.apiKeys.list({ tenantId: 'current' })).toEqual({ items: [], nextCursor: null })
    const bare = 'select from tenantry.api_keys where id = $1 and digest is null and former_digest is null'
    expect(await asAdmin(installation, bare, [apiKeyId])).toBe(1)
    expect((await installation.auditEntries(tenant.id)).at(-1)).toMatchObject({
      action: 'api_key.revoked',
      targetId: apiKeyId,
      changes: { name: { before: 'Scheduler', after: null }, scopes: { before: ['tenant:read'], after: null } },
    })
  })

  test('of a key that is revoked, or never was, finds none; nor does a rotation', async () => {
    const { caller } = await installation.enter()
    const { id } = await create(caller)
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId: id })
    for (const apiKeyId of [id, randomUUID()]) {
      for (const verb of ['rotate', 'remove'] as const) {
        expect(await refusalOf(caller.apiKeys[verb]({ tenantId: 'current', apiKeyId }))).toMatchObject({
          code: 'api_key.not_found',
          status: 404,
        })
      }
    }
  })

  test('by a key is of itself, or of what may do no more than it', async () => {
    const { caller } = await installation.enter()
    const leaked = await create(caller, ['keys:manage', 'tenant:read'])
    const [greater, less] = [await create(caller, ['usage:write']), await create(caller)]
    const byKey = callByKey(installation.dependencies, leaked.key)
    const revoke = (apiKeyId: string) => byKey.apiKeys.remove({ tenantId: 'current', apiKeyId })
    expect(await refusalOf(revoke(greater.id))).toMatchObject({
      code: 'auth.permission_denied',
      details: { missingScope: 'usage:write' },
    })
    for (const { id } of [less, leaked]) expect(await revoke(id)).toMatchObject({ id })
  })

  test('holds by the word of the database alone, whatever else was left of the key', async () => {
    const { caller } = await installation.enter()
    const first = await create(caller)
    const { key } = await caller.apiKeys.rotate({ tenantId: 'current', apiKeyId: first.id })
    for (const secret of [first.key, key]) await works(secret)
    await asAdmin(installation, 'update tenantry.api_keys set revoked_at = now() where id = $1', [first.id])
    for (const secret of [first.key, key]) {
      await expect
        .poll(
          () =>
            works(secret).then(
              () => null,
              (error) => error.cause.code,
            ),
          { timeout: 3_000 },
        )
        .toBe('auth.unauthenticated')
    }
    const timeless = asAdmin(installation, 'update tenantry.api_keys set former_ends_at = null where id = $1', [
      first.id,
    ])
    await expect(timeless).rejects.toThrow('api_keys_former_check')
  })
})
