import { randomUUID } from 'node:crypto'
import type { Identity } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PermissionDeniedError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { User } from '../member/entity.ts'
import { roleScopes, tenantScopes } from './rules/scopes.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

function identityOf(given: Partial<Identity> = {}): Identity {
  const subject = given.subject ?? `subject-${randomUUID()}`
  return {
    issuer: 'https://login.example',
    subject,
    email: `${subject}@people.test`,
    emailVerified: true,
    name: null,
    platformAdmin: false,
    tenantClaim: null,
    authenticationMethods: [],
    authenticatedAt: null,
    expiresAt: new Date(Date.now() + 60_000),
    ...given,
  }
}

function usersCalled(subject: string) {
  return installation.database.platformUnit({ actor: operator, readOnly: true }, (em) => em.find(User, { subject }))
}

describe('a sign-in', () => {
  test('makes the user of a verified e-mail address at first sight, and finds it again', async () => {
    const { directory } = installation.dependencies
    const identity = identityOf({ name: 'Ada' })
    const first = await directory.signIn(identity)
    expect(first).toEqual({ id: expect.any(String), email: identity.email, name: 'Ada', refusal: null })
    expect(await directory.signIn({ ...identity })).toEqual(first)
    expect(await usersCalled(identity.subject)).toMatchObject([{ id: first.id, email: identity.email, name: 'Ada' }])
  })

  test('of one person from twenty requests at once makes one user', async () => {
    const identities = Array.from({ length: 20 }, (_, index) =>
      identityOf({ subject: 'eager', name: `Name ${index % 3}` }),
    )
    const users = await Promise.all(identities.map((identity) => installation.dependencies.directory.signIn(identity)))
    expect(new Set(users.map(({ id }) => id)).size).toBe(1)
    expect(await usersCalled('eager')).toHaveLength(1)
  })

  test('with a new address brings the user up to date, and keeps a name that is not told any more', async () => {
    const { directory } = installation.dependencies
    const before = identityOf({ name: 'Ada' })
    const { id } = await directory.signIn(before)
    const after = await directory.signIn({ ...before, email: `Ada.${before.subject}@Example.com`, name: null })
    expect(after.id).toBe(id)
    expect(await usersCalled(before.subject)).toMatchObject([
      { id, email: `ada.${before.subject}@example.com`, name: 'Ada' },
    ])
  })

  test('without a verified e-mail address is refused, and makes nobody', async () => {
    for (const unverified of [{ emailVerified: false }, { email: null, emailVerified: true }]) {
      const identity = identityOf(unverified)
      await expect(installation.dependencies.directory.signIn(identity)).rejects.toMatchObject({
        code: 'auth.unauthenticated',
        status: 401,
      })
      expect(await usersCalled(identity.subject)).toEqual([])
    }
  })

  test('of a known user whose address is no longer verified changes nothing about the user', async () => {
    const { directory } = installation.dependencies
    const known = identityOf()
    const { id } = await directory.signIn(known)
    const claimed = { ...known, email: 'owner@acme.test', emailVerified: false }
    expect(await directory.signIn(claimed)).toMatchObject({ id, email: null })
    expect(await usersCalled(known.subject)).toMatchObject([{ id, email: known.email }])
  })

  test('keeps two issuers apart that use the same subject', async () => {
    const { directory } = installation.dependencies
    const one = identityOf()
    const other = { ...one, issuer: 'https://other.example' }
    expect((await directory.signIn(other)).id).not.toBe((await directory.signIn(one)).id)
  })

  test.each(['x'.repeat(500), 'Ada\u0000Lovelace', '\ud800', '\u0007'])(
    'works whatever the person is called: %j',
    async (name) => {
      const { issuer, dependencies } = installation
      const email = `${randomUUID()}@people.test`
      const identity = await dependencies.authenticator.verify(await issuer.sign({ email, name }))
      expect(await dependencies.directory.signIn(identity)).toMatchObject({ email })
    },
  )
})

describe('access', () => {
  test.each(['owner', 'admin', 'member', 'viewer'] as const)('of an %s is what the role holds', async (role) => {
    const { tenant, user } = await installation.enter({ role })
    const access = await installation.dependencies.directory.findAccess(
      { type: 'user', ...user, name: null },
      tenant.slug,
    )
    expect(access).toEqual({
      tenant: {
        id: tenant.id,
        slug: tenant.slug,
        status: 'active',
        statusReason: null,
        statusUntil: null,
        path: [],
        inactiveAncestor: null,
        plan: 'business',
        timezone: 'UTC',
        featureOverrides: [],
        formerTimezones: [],
        createdAt: expect.any(Date),
      },
      role,
      inheritedFrom: null,
      scopes: roleScopes[role],
      withheld: new Map(),
      sources: [
        {
          type: 'base_role',
          id: null,
          name: role,
          inheritedFrom: null,
          inheritable: role === 'owner' || role === 'admin',
          scopes: roleScopes[role],
        },
      ],
    })
  })

  test('is the strongest of one membership and those on ancestors', async () => {
    const root = await installation.createTenant()
    const middle = await installation.createTenant({ parent: root })
    const leaf = await installation.createTenant({ parent: middle })
    const roleIn = async (rootRole: 'owner' | 'viewer', leafRole: 'admin' | 'viewer') => {
      const user = await installation.createMember(root.id, rootRole)
      await installation.addMember(leaf.id, user.id, leafRole)
      const access = await installation.dependencies.directory.findAccess(
        { type: 'user', ...user, name: null },
        leaf.id,
      )
      return { role: access?.role, inheritedFrom: access?.inheritedFrom }
    }
    expect(await roleIn('owner', 'viewer')).toEqual({ role: 'owner', inheritedFrom: root.id })
    expect(await roleIn('viewer', 'admin')).toEqual({ role: 'admin', inheritedFrom: null })
  })

  test('does not rise from a child to its parent, nor to a sibling', async () => {
    const parent = await installation.createTenant()
    const { user } = await installation.enter({ parent })
    const sibling = await installation.createTenant({ parent })
    for (const { id } of [parent, sibling]) {
      const access = await installation.dependencies.directory.findAccess({ type: 'user', ...user, name: null }, id)
      expect(access).toBeNull()
    }
  })

  test('of a service is everything, or what it was given and nothing more', async () => {
    const { tenant } = await installation.enter()
    const all = installation.callerAs({ type: 'service', name: 'billing' }, tenant.id)
    await expect(all.settings.get()).resolves.toMatchObject({ settings: { security: expect.anything() } })

    const meter = installation.callerAs({ type: 'service', name: 'meter', scopes: ['usage:write'] }, tenant.id)
    await expect(meter.usage.track({ tenantId: 'current', metric: 'tokens' })).resolves.toMatchObject({ used: 1 })
    const denied = meter.tenants.usage()
    await expect(denied).rejects.toBeInstanceOf(PermissionDeniedError)
    await expect(denied).rejects.toMatchObject({ details: { missingScope: 'usage:read' } })
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      {
        action: 'access.denied',
        outcome: 'denied',
        actorType: 'service',
        actorId: 'meter',
        details: { operation: 'tenants.usage' },
      },
    ])
  })

  test('of a platform admin and of a job is everything, without a role', async () => {
    const tenant = await installation.createTenant()
    for (const actor of [operator, { type: 'system', name: 'retention' } as const]) {
      const access = await installation.dependencies.directory.findAccess(actor, tenant.id)
      expect(access).toMatchObject({ role: null, inheritedFrom: null, scopes: new Set(tenantScopes) })
    }
  })
})

test('that there was no such tenant is forgotten with the next change, as what was found is', async () => {
  const user = await installation.createUser()
  const slug = `fresh-${newId().slice(-12)}`
  const { directory, services } = installation.dependencies
  const find = () => directory.findAccess({ type: 'user', ...user, name: null }, slug)
  expect(await find()).toBeNull()
  const tenant = await installation.createTenant({ slug })
  await installation.addMember(tenant.id, user.id, 'owner')
  services.forgetAccess(tenant.id)
  expect(await find()).toMatchObject({ role: 'owner', tenant: { id: tenant.id } })
})
