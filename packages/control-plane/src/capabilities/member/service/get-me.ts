import type { UserContext } from '@tenantry/kernel/context/request-context'
import { effectiveStatusOf } from '@tenantry/kernel/tenancy/inactivity'
import { effectivePermissions, firstSources, listReachableTenants } from '../../access/index.ts'
import { tenantAt } from '../../metering/index.ts'
import { featuresOf } from '../../plan/index.ts'

type Reached = Awaited<ReturnType<typeof listReachableTenants>>[number]

const mostInherited = 200

/** Direct memberships first; who reaches a whole tree lists the rest of it. */
export async function getMe(ctx: UserContext) {
  const reachable = await listReachableTenants(ctx.em, mostInherited + 1)
  const inherited = reachable.filter(({ inheritedFrom }) => inheritedFrom !== null)
  const hasMore = inherited.length > mostInherited
  const { id, email, name, type } = ctx.actor
  return {
    user: { id, email, name, platformAdmin: type === 'platformAdmin' },
    memberships: (hasMore ? reachable.slice(0, -1) : reachable).map((tenant) => describeMembership(ctx, tenant)),
    hasMore,
  }
}

function describeMembership({ services, clock }: UserContext, stored: Reached) {
  const reached = tenantAt(services.catalogue, stored, clock.now())
  const { tenantId, slug, name, status, role } = reached
  const features = featuresOf(services.catalogue, reached, clock.now())
  const { sources, scopes } = effectivePermissions(reached, services.scopes, features)
  const inheritedFrom = reached.inheritedFrom ?? (role === null ? (sources[0]?.inheritedFrom ?? null) : null)
  const roles = firstSources(sources, scopes).map(({ source, scopes: first }) => ({
    id: source.id,
    name: source.name,
    inheritedFrom: source.inheritedFrom,
    scopes: first,
  }))
  const effectiveStatus = effectiveStatusOf(reached)
  const inactiveAncestorId = reached.inactiveAncestor?.id ?? null
  return { tenantId, slug, name, status, effectiveStatus, inactiveAncestorId, role, inheritedFrom, roles }
}
