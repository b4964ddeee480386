import { describe, expect, test } from 'vitest'
import { mayManage, missingFrom } from './grants.ts'
import { baseRoles, roleScopes } from './scopes.ts'

describe('granting', () => {
  test('what one holds is missing nothing, all of it too', () => {
    expect(missingFrom(new Set(['a:read', 'b:read']), new Set(['a:read', 'b:read']))).toEqual([])
    expect(missingFrom(new Set(), new Set())).toEqual([])
  })

  test('what one does not hold is named', () => {
    expect(missingFrom(new Set(['a:read']), new Set(['a:read', 'c:write', 'b:write']))).toEqual(['b:write', 'c:write'])
  })
})

describe('changing somebody', () => {
  test.each(baseRoles)('of a lower role is open to %s, of the own role to owners only', (role) => {
    const place = baseRoles.indexOf(role)
    const open = baseRoles.map((other) => mayManage(roleScopes[role], roleScopes[other]))
    expect(open).toEqual(baseRoles.map((_, other) => role === 'owner' || other > place))
  })

  test('who holds less, but something that one does not hold, is not', () => {
    expect(mayManage(new Set(['a:read', 'b:read', 'c:read']), new Set(['d:write']))).toBe(false)
  })
})
