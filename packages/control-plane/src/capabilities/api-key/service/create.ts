import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError, Issue } from '@tenantry/kernel/errors/app-error'
import { isAddressRange } from '@tenantry/kernel/network/address-ranges'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import type { ScopeCatalogue } from '../../access/index.ts'
import { featuresNow } from '../../plan/index.ts'
import { getEffectiveSettings } from '../../settings/index.ts'
import type { createApiKey as createOperation } from '../contract.ts'
import { type ApiKeyRow, insertApiKey } from '../repository.ts'
import { accessRefusal } from './access-refusal.ts'
import { describe } from './describe.ts'
import { makeKeyText } from './known-keys.ts'
import { refuseMoreThanOwn } from './own-scopes.ts'

type CreateInput = Omit<z.output<typeof createOperation.input>, 'tenantId'>

/**
 * The answer holds the key, which is kept nowhere. Throws `request.invalid` for a scope that does not exist or an expiry
 * that has passed, `auth.permission_denied` for a scope that the creator does not hold,
 * `api_key.access_disabled` where no key could be used.
 */
export async function create(ctx: TenantContext, input: CreateInput) {
  const maker = await makerOf(ctx)
  const scopes = [...new Set(input.scopes)]
  const now = ctx.clock.now()
  const expiresAt = input.expiresAt === undefined ? null : new Date(input.expiresAt)
  refuseFaults([
    ...unknownScopes(input.scopes, ctx.services.scopes),
    ...pastExpiry(expiresAt, now),
    ...unusedRanges(input.ipAllowlist),
  ])
  refuseMoreThanOwn(maker.scopes, scopes)
  await refuseUseless(ctx)

  const row: ApiKeyRow = {
    tenantId: ctx.tenant.id,
    id: newId(),
    name: input.name,
    scopes,
    ipAllowlist: input.ipAllowlist ?? [],
    expiresAt,
    createdByType: maker.type,
    createdById: maker.id,
    createdAt: now,
    formerEndsAt: null,
    rotatedAt: null,
    lastUsedAt: null,
    revokedAt: null,
  }
  const { text, digest } = makeKeyText(ctx, row.id)
  await insertApiKey(ctx.em, row, digest)
  const { name, ipAllowlist } = row
  ctx.record('api_key.created', {
    target: { type: 'api_key', id: row.id },
    changes: Object.fromEntries(
      Object.entries({ name, scopes, ipAllowlist, expiresAt }).map(([field, after]) => [
        field,
        { before: null, after },
      ]),
    ),
  })
  return { ...describe(row, now), key: text }
}

interface Maker {
  type: string
  id: string
  scopes: ReadonlySet<string>
}

/**
 * An operator who is a member makes keys as that, so that they end with the membership. A key that could make another one
 * would live on in it after its own revocation.
 */
async function makerOf({ actor, access: { scopes }, services, tenant }: TenantContext): Promise<Maker> {
  if (actor.type === 'apiKey' || actor.type === 'anonymous') {
    throw authErrors.permission_denied({}, 'API keys make no other keys: sign in as a user.')
  }
  if (actor.type === 'platformAdmin') {
    const asMember = await services.decisions.findAccess({ ...actor, type: 'user' }, tenant.id)
    if (asMember) return { type: 'user', id: actor.id, scopes: asMember.scopes }
  }
  return { type: actor.type, id: 'id' in actor ? actor.id : actor.name, scopes }
}

async function refuseUseless(ctx: TenantContext): Promise<void> {
  const refusal = await findAccessRefusal(ctx)
  if (refusal) throw refusal
}

/** Why no key of the tenant could be used; null where it could. */
export async function findAccessRefusal(ctx: TenantContext): Promise<AppError | null> {
  const enabled = (await getEffectiveSettings(ctx)).features.apiAccessEnabled
  return accessRefusal(ctx.services.catalogue, { plan: ctx.tenant.plan, features: featuresNow(ctx), enabled })
}

const unusedRanges = (ipAllowlist: readonly string[] = []): Issue[] =>
  ipAllowlist.flatMap((entry, place) => {
    const message = 'Write a range of IPv4 addresses as such: this one would match none.'
    return isAddressRange(entry) ? [] : [{ path: `ipAllowlist.${place}`, message }]
  })

const unknownScopes = (scopes: readonly string[], { every }: ScopeCatalogue): Issue[] =>
  scopes.flatMap((scope, place) =>
    every.has(scope) ? [] : [{ path: `scopes.${place}`, message: `There is no scope ${scope}.` }],
  )

const pastExpiry = (expiresAt: Date | null, now: Date): Issue[] =>
  expiresAt !== null && expiresAt <= now ? [{ path: 'expiresAt', message: 'Expected a time that is yet to come.' }] : []

function refuseFaults(issues: Issue[]): void {
  if (issues.length > 0) throw requestErrors.invalid({ issues })
}
