import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { userErrors } from '../contract.ts'
import { countUserMemberships, findUser, listUserMemberships, type UserRow } from '../repository/users.ts'
import { withState } from './describe.ts'

const mostMemberships = 200

/** Throws `user.not_found`. */
export async function get({ em }: PlatformContext, { userId }: { userId: string }) {
  const row = await getUser(em, userId)
  const { issuer, subject } = row
  const memberships = await listUserMemberships(em, userId, mostMemberships)
  const isAll = memberships.length < mostMemberships
  const membershipCount = isAll ? memberships.length : await countUserMemberships(em, userId)
  return { ...withState(row), issuer, subject, membershipCount, memberships }
}

export async function getUser(em: PlatformContext['em'], userId: string): Promise<UserRow> {
  const row = await findUser(em, userId)
  if (!row) throw userErrors.not_found()
  return row
}
