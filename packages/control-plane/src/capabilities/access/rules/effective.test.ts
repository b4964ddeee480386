import { expect, test } from 'vitest'
import { effectiveScopes, firstSources, scopesOfRole } from './effective.ts'
import { createScopes } from './scopes.ts'

const catalogue = createScopes([
  { name: 'events:manage', description: 'Plan events.', feature: 'basic_events', heldFrom: 'member' },
])

test('a scope counts only with the feature it needs, a product’s too, and otherwise the feature is told', () => {
  const held = ['tenant:read', 'analytics:read', 'events:manage']
  expect(effectiveScopes(held, catalogue, new Set(['analytics']))).toEqual({
    scopes: new Set(['tenant:read', 'analytics:read']),
    withheld: new Map([['events:manage', 'basic_events']]),
  })
  expect(effectiveScopes(held, catalogue, new Set(['analytics', 'basic_events'])).scopes).toEqual(new Set(held))
})

test('a role holds what its base role holds, and its own', () => {
  expect(scopesOfRole({ baseRole: null, scopes: ['audit:read'] }, catalogue)).toEqual(new Set(['audit:read']))
  const member = scopesOfRole({ baseRole: 'member', scopes: ['audit:read'] }, catalogue)
  expect(member).toEqual(new Set([...catalogue.ofRole.member, 'audit:read']))
  expect(member).toContain('events:manage')
})

test('each scope that counts is told once, with the first that gives it', () => {
  const one = { scopes: new Set(['a:read', 'b:read']) }
  const other = { scopes: new Set(['b:read', 'c:read', 'd:read']) }
  expect(firstSources([one, other], new Set(['a:read', 'b:read', 'c:read']))).toEqual([
    { source: one, scopes: ['a:read', 'b:read'] },
    { source: other, scopes: ['c:read'] },
  ])
})
