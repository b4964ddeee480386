import { expect, test } from 'vitest'
import { loadCatalogue } from '../../plan/index.ts'
import { baseRoles, createScopes, roleScopes, tenantScopes } from './scopes.ts'

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

test('a scope of a product is held by its role and those above, and by no other', () => {
  const { ofRole, every, all, featureOf } = createScopes([
    { name: 'events:manage', description: 'Plan events.', feature: 'basic_events', heldFrom: 'member' },
    { name: 'events:own', description: 'Hand over events.', feature: null, heldFrom: 'owner' },
  ])
  const holders = (scope: string) => baseRoles.filter((role) => ofRole[role].has(scope))
  expect(holders('events:manage')).toEqual(['owner', 'admin', 'member'])
  expect(holders('events:own')).toEqual(['owner'])
  expect(every.has('events:manage')).toBe(true)
  expect(all.find(({ name }) => name === 'events:manage')?.roles).toEqual(['owner', 'admin', 'member'])
  expect([featureOf('events:manage'), featureOf('events:own'), featureOf('no:such')]).toEqual([
    'basic_events',
    null,
    null,
  ])
  for (const role of baseRoles) expect([...roleScopes[role]].filter((scope) => !ofRole[role].has(scope))).toEqual([])
})

test('every feature that gates a scope of ours is one that the default catalogue knows', () => {
  const { features } = loadCatalogue()
  const gates = createScopes([]).all.flatMap(({ feature }) => (feature === null ? [] : [feature]))
  expect(gates.filter((feature) => !features.includes(feature))).toEqual([])
})
