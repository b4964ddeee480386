import type { UserRow } from '../repository/users.ts'

export const summary = ({ id, email, name, state, createdAt, lastSeenAt }: UserRow) => ({
  id,
  email,
  name,
  state,
  createdAt,
  lastSeenAt,
})

export const withState = (row: UserRow) => {
  const { stateReason, stateChangedAt } = row
  return { ...summary(row), stateReason, stateChangedAt }
}
