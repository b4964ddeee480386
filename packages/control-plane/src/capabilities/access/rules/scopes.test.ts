import { expect, test } from 'vitest'
import { baseRoles, roleScopes, tenantScopes } from './scopes.ts'

const everyScope = [
  ...['tenant:read', 'tenant:manage', 'tenant:own'],
  ...['members:read', 'members:manage', 'roles:read', 'roles:manage', 'keys:read', 'keys:manage'],
  ...['usage:read', 'usage:write', 'usage:adjust', 'runs:write'],
  ...['settings:read', 'settings:read_sensitive', 'settings:write', 'integrations:view', 'integrations:manage'],
  ...['finance:view', 'finance:manage', 'audit:read', 'audit:export'],
  ...['notifications:read', 'notifications:manage', 'webhooks:manage'],
  ...['data:export', 'data:import', 'health:read', 'analytics:read'],
]

const viewer = [
  ...['tenant:read', 'members:read', 'roles:read', 'usage:read', 'settings:read', 'notifications:read', 'health:read'],
]

const expected = {
  viewer,
  member: [...viewer, 'usage:write', 'runs:write', 'analytics:read'],
  admin: everyScope.filter((scope) => scope !== 'tenant:own'),
  owner: everyScope,
}

test('there are the scopes that the API promises, and no others', () => {
  expect([...tenantScopes].toSorted()).toEqual(everyScope.toSorted())
})

test.each(baseRoles)('a role of %s holds exactly its scopes', (role) => {
  expect([...roleScopes[role]].toSorted()).toEqual(expected[role].toSorted())
})

test('every role holds all that the one below it holds', () => {
  for (const [index, role] of baseRoles.slice(1).entries()) {
    const above = roleScopes[baseRoles[index] as (typeof baseRoles)[number]]
    expect([...roleScopes[role]].filter((scope) => !above.has(scope))).toEqual([])
  }
})
