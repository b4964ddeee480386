import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InternalCall } from '../../caller.ts'
import { PermissionDeniedError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { baseRoles, roleScopes } from '../access/index.ts'
import { callByKey, create as createKey } from '../api-key/service.fixture.ts'
import { asAdmin } from '../event/service.fixture.ts'

const service = { type: 'service', name: 'billing' } as const

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

type Question = { permission?: string; feature?: string; userId?: string }

const explain = (who: TestUser | InternalCall['actor'], tenantId: string, question: Question = {}) =>
  installation.callerAs(who).access.explain({ tenantId, ...question })

/** By step, so that a test reads only those that it is about. */
async function steps(...asked: Parameters<typeof explain>) {
  const answer = await explain(...asked)
  return Object.fromEntries(answer.steps.map(({ step, ...judgement }) => [step, judgement]))
}

describe('an explanation', () => {
  test('goes through every step of the decision in its order', async () => {
    const { tenant, user } = await installation.enter({ role: 'member', plan: 'starter' })
    const { steps: taken, ...told } = await explain(user, tenant.slug, {
      permission: 'usage:write',
      feature: 'analytics',
    })
    expect(told).toEqual({
      allowed: true,
      permission: 'usage:write',
      feature: 'analytics',
      tenant: { id: tenant.id, slug: tenant.slug, state: 'active' },
      principal: { type: 'user', id: user.id },
      role: 'member',
      inheritedFrom: null,
    })
    const passed = { outcome: 'passed', wouldChange: null }
    expect(taken).toEqual([
      { ...passed, step: 'principal', detail: `The user ${user.id}.` },
      { ...passed, step: 'tenant', detail: `${tenant.slug}, named as ${tenant.slug}.` },
      { ...passed, step: 'membership', detail: `A member of ${tenant.slug} itself.` },
      { ...passed, step: 'role', detail: 'The role member.' },
      { ...passed, step: 'scope', detail: 'The role member holds usage:write.' },
      { ...passed, step: 'plan_feature', detail: 'The plan starter has analytics.' },
      { ...passed, step: 'tenant_state', detail: `${tenant.slug} is active.` },
      { ...passed, step: 'api_key', outcome: 'skipped', detail: 'No API key is used.' },
      {
        ...passed,
        step: 'rate_limit',
        detail: expect.stringContaining('usage.track draws on the class usage: 6000 calls'),
      },
    ])
  })

  test.each(baseRoles)('says for each scope what the pipeline decides for an %s', async (role) => {
    const { tenant, user } = await installation.enter({ role })
    for (const permission of roleScopes.owner) {
      const { allowed } = await explain(user, tenant.id, { permission })
      expect({ permission, allowed }).toEqual({ permission, allowed: roleScopes[role].has(permission) })
    }
  })

  test('of a missing scope names the roles that hold it', async () => {
    const { tenant, user } = await installation.enter({ role: 'viewer' })
    expect((await steps(user, tenant.id, { permission: 'settings:write' })).scope).toEqual({
      outcome: 'failed',
      detail: 'The role viewer does not hold settings:write.',
      wouldChange: 'One of the roles that hold it: owner, admin.',
    })
    expect((await steps(user, tenant.id, { permission: 'events:manage' })).scope).toMatchObject({
      outcome: 'failed',
      wouldChange: 'Nothing: no role holds it.',
    })
  })

  test('of a missing feature names the plans that have it', async () => {
    const { tenant, user } = await installation.enter({ plan: 'starter' })
    expect((await steps(user, tenant.id, { feature: 'sponsors' })).plan_feature).toEqual({
      outcome: 'failed',
      detail: 'The plan starter does not have sponsors.',
      wouldChange: 'One of the plans that have it: professional, business, enterprise.',
    })
  })

  test('names the ancestor that a role comes from', async () => {
    const { tenant: root, user } = await installation.enter({ role: 'admin' })
    const middle = await installation.createTenant({ parent: root })
    const leaf = await installation.createTenant({ parent: middle })
    expect(await explain(user, leaf.id)).toMatchObject({ role: 'admin', inheritedFrom: root.id })
    expect((await steps(user, leaf.id)).membership).toMatchObject({
      outcome: 'passed',
      detail: `A member of the ancestor ${root.id}, whose role is inherited.`,
    })
  })

  test('says why a tenant does not act, and what is not active above it', async () => {
    const { tenant: root, user } = await installation.enter({
      status: 'suspended',
      statusReason: 'Invoice 2041 is unpaid.',
    })
    const child = await installation.createTenant({ parent: root })
    const above = await steps(user, root.id)
    expect(above.tenant_state).toEqual({
      outcome: 'failed',
      detail: `${root.slug} is suspended: Invoice 2041 is unpaid.`,
      wouldChange: 'A platform admin who makes it active again.',
    })
    expect((await explain(user, child.id)).tenant).toMatchObject({ state: 'suspended' })
    expect((await steps(user, child.id)).tenant_state).toEqual({
      outcome: 'failed',
      detail: `${child.slug} itself is active. Above it ${root.id} is suspended.`,
      wouldChange: 'A platform admin who makes it active again.',
    })
  })

  test.each([
    { actor: operator, holder: 'platform admin' },
    { actor: { type: 'system', name: 'retention' } as const, holder: 'system' },
    { actor: { type: 'service', name: 'billing' } as const, holder: 'service' },
  ])('of a $holder has neither membership nor role', async ({ actor, holder }) => {
    const tenant = await installation.createTenant()
    const taken = await steps(actor, tenant.id, { permission: 'tenant:own' })
    expect(taken).toMatchObject({
      membership: { outcome: 'skipped', detail: `A ${holder} needs no membership.` },
      role: { outcome: 'skipped' },
      scope: { outcome: 'passed', detail: `The ${holder} holds tenant:own.` },
    })
  })

  test('of an API key in process goes by the scopes it is said to have', async () => {
    const { tenant } = await installation.enter()
    const key = { type: 'apiKey', id: newId(), tenantId: tenant.id, scopes: ['usage:write'] } as const
    expect(await steps(key, tenant.id, { permission: 'usage:write' })).toMatchObject({
      principal: { detail: `The API key ${key.id}.` },
      membership: { outcome: 'skipped', detail: 'An API key needs no membership.' },
      scope: { outcome: 'passed', detail: 'The API key holds usage:write. It was given usage:write.' },
      api_key: { outcome: 'passed', detail: 'The key is valid.' },
    })
    const { allowed, steps: taken } = await explain(key, tenant.id, { permission: 'usage:read' })
    expect(allowed).toBe(false)
    expect(taken.filter(({ outcome }) => outcome === 'failed')).toMatchObject([{ step: 'scope' }])
  })

  test('of an API key says what it was given, and what its creator still holds of that', async () => {
    const { tenant } = await installation.enter()
    const admin = await installation.createMember(tenant.id, 'admin')
    const scopes = ['usage:write', 'tenant:read', 'settings:write']
    const { key } = await createKey(installation.callerAs(admin, tenant.id), scopes)
    const stepsOf = async (text: string, permission: string) => {
      const { steps: taken } = await callByKey(installation.dependencies, text).access.explain({
        tenantId: 'current',
        permission,
      })
      return Object.fromEntries(taken.map(({ step, ...judgement }) => [step, judgement]))
    }
    const given = 'It was given settings:write, tenant:read, and usage:write'
    expect((await stepsOf(key, 'usage:write')).scope).toEqual({
      outcome: 'passed',
      detail: `The API key holds usage:write. ${given}, all of which its creator, the user ${admin.id}, holds.`,
      wouldChange: null,
    })
    expect((await stepsOf(key, 'usage:read')).scope).toMatchObject({
      outcome: 'failed',
      wouldChange: 'A key with this scope, made by somebody who holds it.',
    })
    const demoted = 'update tenantry.memberships set role = $2 where user_id = $1'
    await asAdmin(installation, demoted, [admin.id, 'viewer'])
    const scope = async () => (await stepsOf(key, 'settings:write')).scope
    await expect.poll(scope, { timeout: 3_000 }).toEqual({
      outcome: 'failed',
      detail: `The API key does not hold settings:write. ${given}, of which its creator, the user ${admin.id}, holds only tenant:read.`,
      wouldChange: 'A role with this scope for who made the key, or a key made by somebody who holds it.',
    })
    const { key: ofService } = await createKey(installation.callerAs(service, tenant.id), ['tenant:read'])
    expect((await stepsOf(ofService, 'tenant:read')).scope?.detail).toBe(
      'The API key holds tenant:read. It was given tenant:read, by the service billing, on the word of the platform.',
    )
  })

  test('of a service that was given less says so', async () => {
    const tenant = await installation.createTenant()
    const service = { type: 'service', name: 'meter', scopes: ['usage:write'] } as const
    expect((await steps(service, tenant.id, { permission: 'usage:read' })).scope).toMatchObject({ outcome: 'failed' })
  })
})

describe('about somebody else', () => {
  test('is told to who manages members: the same that they would be told themselves', async () => {
    const { tenant, user: admin } = await installation.enter({ role: 'admin' })
    const viewer = await installation.createMember(tenant.id, 'viewer')
    const question = { permission: 'settings:write' }
    const told = await explain(admin, tenant.id, { ...question, userId: viewer.id })
    expect(told).toMatchObject({ allowed: false, role: 'viewer', principal: { id: viewer.id } })
    expect(told).toEqual(await explain(viewer, tenant.id, question))
  })

  test('says of who is no member what would make them one', async () => {
    const { tenant, user: admin } = await installation.enter({ role: 'admin' })
    const outsider = await installation.createUser()
    expect((await steps(admin, tenant.id, { userId: outsider.id })).membership).toMatchObject({
      outcome: 'failed',
      wouldChange: `A membership of ${tenant.slug}, or an inheritable one of an ancestor.`,
    })
  })

  test.each(['member', 'viewer'] as const)(
    'is refused to a %s, and written down; about oneself it is not',
    async (role) => {
      const { tenant, user } = await installation.enter({ role })
      const owner = await installation.createMember(tenant.id, 'owner')
      await expect(explain(user, tenant.id, { userId: owner.id })).rejects.toMatchObject({
        code: 'access.others_denied',
        status: 403,
        details: { missingScope: 'members:manage' },
      })
      expect(await explain(user, tenant.id, { userId: user.id })).toMatchObject({ role })
      expect(await installation.auditEntries(tenant.id)).toMatchObject([
        {
          action: 'access.denied',
          actorId: user.id,
          details: { code: 'access.others_denied', operation: 'access.explain' },
        },
      ])
    },
  )
})

describe('a refusal', () => {
  test('for want of a scope says where it is explained, and the explanation agrees', async () => {
    const { tenant, user, caller } = await installation.enter({ role: 'viewer' })
    const refused = await caller.tenants.updateSettings({ settings: {} }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(PermissionDeniedError)
    expect(refused).toMatchObject({
      details: {
        missingScope: 'settings:write',
        explain: `/api/v1/tenants/${tenant.id}/access/explain?permission=settings:write`,
      },
    })
    expect(await explain(user, tenant.id, { permission: 'settings:write' })).toMatchObject({ allowed: false })
  })

  test('of what only operators may do leads to no explanation, which would find nothing in the way', async () => {
    const { caller } = await installation.enter({ role: 'owner' })
    const refused = await caller.tenants.update({ tenantId: 'current', plan: 'enterprise' }).catch((error) => error)
    expect(refused).toMatchObject({ code: 'auth.permission_denied' })
    expect(refused.details).not.toHaveProperty('explain')
  })

  test('of a tenant that one has no access to says nothing of it', async () => {
    const { tenant } = await installation.enter()
    const { user: stranger } = await installation.enter()
    const refused = await explain(stranger, tenant.id).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'tenant.not_found', details: {} })
    expect(refused).not.toHaveProperty('details.explain')
  })
})

test('many who ask about others at once keep nobody waiting, for none of them holds a connection meanwhile', async () => {
  const { tenant, user } = await installation.enter()
  const asked = Array.from({ length: 30 }, () =>
    explain(user, tenant.id, { permission: 'tenant:read', userId: newId() }),
  )
  const answers = await Promise.all(asked)
  expect(answers.every(({ allowed }) => !allowed)).toBe(true)
})
