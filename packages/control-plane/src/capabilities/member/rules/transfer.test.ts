import { expect, test } from 'vitest'
import { planTransfer, type TransferPlan } from './transfer.ts'

const plan = (fields: Partial<TransferPlan>) =>
  planTransfer({
    mode: 'move',
    roleMap: {},
    items: [],
    known: new Set(),
    owners: ['owner', 'second'],
    room: { users: null, admins: null },
    refuseGrant: () => null,
    ...fields,
  }).map(({ userId, outcome, role, refusal }) => [userId, outcome, role ?? refusal?.code])

const item = (userId: string, role: TransferPlan['items'][number]['role']) => ({ userId, role, refusal: null })

test('roles stay as they are, or become what the map says', () => {
  const items = [item('owner', 'owner'), item('ada', 'admin'), item('bob', 'viewer')]
  const roleMap = { owner: 'admin', viewer: 'member' } as const
  expect(plan({ items, roleMap })).toEqual([
    ['owner', 'moved', 'admin'],
    ['ada', 'moved', 'admin'],
    ['bob', 'moved', 'member'],
  ])
})

test('of two owners who are moved one stays, and both are copied', () => {
  const items = [item('owner', 'owner'), item('second', 'owner')]
  expect(plan({ items })).toEqual([
    ['owner', 'moved', 'owner'],
    ['second', 'refused', 'member.last_owner'],
  ])
  expect(plan({ items, mode: 'copy' }).map(([, outcome]) => outcome)).toEqual(['copied', 'copied'])
})

test('the room goes to those who come first, and who finds none takes none from others', () => {
  const items = [item('ada', 'admin'), item('eve', 'admin'), item('bob', 'viewer'), item('cat', 'viewer')]
  expect(plan({ items, room: { users: { hardLimit: 5, used: 3 }, admins: { hardLimit: 2, used: 1 } } })).toEqual([
    ['ada', 'moved', 'admin'],
    ['eve', 'refused', 'usage.limit_exceeded'],
    ['bob', 'moved', 'viewer'],
    ['cat', 'refused', 'usage.limit_exceeded'],
  ])
})

test('who is there already, is no member, or is refused, is left where they are', () => {
  const why = { code: 'auth.permission_denied', message: 'No.' }
  const items = [item('ada', 'viewer'), item('bob', null), { ...item('eve', 'viewer'), refusal: why }]
  expect(plan({ items, known: new Set(['ada']) })).toEqual([
    ['ada', 'refused', 'member.already_member'],
    ['bob', 'refused', 'member.not_found'],
    ['eve', 'refused', 'auth.permission_denied'],
  ])
  const refuseGrant = (role: string) => (role === 'admin' ? why : null)
  expect(plan({ items: [item('cat', 'viewer')], roleMap: { viewer: 'admin' }, refuseGrant })).toEqual([
    ['cat', 'refused', 'auth.permission_denied'],
  ])
})
