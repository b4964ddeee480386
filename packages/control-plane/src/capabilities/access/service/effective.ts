import type { Actor } from '@tenantry/kernel/context/actor'
import type { ScopeSource, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { AccessRow } from '../repository.ts'
import { type EffectiveScopes, effectiveScopes, scopesOfRole } from '../rules/effective.ts'
import type { ScopeCatalogue } from '../rules/scopes.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    scopes: ScopeCatalogue
  }
}

export type EffectivePermissions = Pick<TenantAccess, 'scopes' | 'withheld' | 'sources'>
type Held = Pick<AccessRow, 'tenantId' | 'role' | 'inheritedFrom' | 'inheritable' | 'customRoles'>

/** What the roles of somebody come to in a tenant whose plan has these features, and which of them gives what. */
export function effectivePermissions(
  held: Held,
  catalogue: ScopeCatalogue,
  features: ReadonlySet<string>,
): EffectivePermissions {
  const sources = [...baseSource(held, catalogue), ...customSources(held, catalogue)]
  const [only] = sources
  const effective =
    only && sources.length === 1
      ? shared(only.scopes, catalogue, features)
      : effectiveScopes(
          sources.flatMap(({ scopes }) => [...scopes]),
          catalogue,
          features,
        )
  return { ...effective, sources }
}

function baseSource({ role, inheritedFrom, inheritable }: Held, { ofRole }: ScopeCatalogue): ScopeSource[] {
  if (role === null) return []
  return [{ type: 'base_role', id: null, name: role, inheritedFrom, inheritable, scopes: ofRole[role] }]
}

/** Those of the tenant itself first. */
function customSources({ tenantId, customRoles }: Held, catalogue: ScopeCatalogue): ScopeSource[] {
  const sources = customRoles.map(({ id, name, inheritable, ...role }): ScopeSource => {
    const inheritedFrom = role.tenantId === tenantId ? null : role.tenantId
    return { type: 'custom_role', id, name, inheritedFrom, inheritable, scopes: scopesOfRole(role, catalogue) }
  })
  return sources.toSorted((one, other) => Number(one.inheritedFrom !== null) - Number(other.inheritedFrom !== null))
}

/** Most people hold one base role and no more: tens of thousands of them share one set. */
const known = new WeakMap<ReadonlySet<string>, WeakMap<ReadonlySet<string>, EffectiveScopes>>()

function shared(held: ReadonlySet<string>, catalogue: ScopeCatalogue, features: ReadonlySet<string>): EffectiveScopes {
  const ofPlan = known.get(features) ?? new WeakMap<ReadonlySet<string>, EffectiveScopes>()
  const effective = ofPlan.get(held) ?? effectiveScopes(held, catalogue, features)
  known.set(features, ofPlan.set(held, effective))
  return effective
}

const nothingWithheld: ReadonlyMap<string, string> = new Map()

/** The platform's own callers hold what they were given, or everything, whatever the plan has. */
export function platformPermissions(actor: Actor, { every }: ScopeCatalogue): EffectivePermissions {
  const scopes: ReadonlySet<string> = actor.type === 'service' && actor.scopes ? new Set(actor.scopes) : every
  const name = 'name' in actor && actor.type !== 'user' && actor.name !== null ? actor.name : actor.type
  const source = { type: 'platform' as const, id: null, name, inheritedFrom: null, inheritable: true, scopes }
  return { scopes, withheld: nothingWithheld, sources: [source] }
}

export const keyPermissions = (
  scopes: readonly string[],
  catalogue: ScopeCatalogue,
  features: ReadonlySet<string>,
): EffectivePermissions & Pick<TenantAccess, 'key'> => ({
  ...effectiveScopes(scopes, catalogue, features),
  sources: [],
  key: { given: new Set(scopes), creator: null },
})
