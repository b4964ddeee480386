import type { ScopeCatalogue } from './scopes.ts'

type Scopes = ReadonlySet<string>

/** What somebody may do, and what only the plan keeps them from. */
export interface EffectiveScopes {
  scopes: Scopes
  /** The feature that is missing, by scope. */
  withheld: ReadonlyMap<string, string>
}

/** Of everything that is held, what counts in a plan with these features. */
export function effectiveScopes(held: Iterable<string>, catalogue: ScopeCatalogue, features: Scopes): EffectiveScopes {
  const scopes = new Set<string>()
  const withheld = new Map<string, string>()
  for (const scope of held) {
    const feature = catalogue.featureOf(scope)
    if (feature === null || features.has(feature)) scopes.add(scope)
    else withheld.set(scope, feature)
  }
  return { scopes, withheld }
}

/** Of a role: what its base role holds, and its own. */
export const scopesOfRole = (
  { baseRole, scopes }: { baseRole?: keyof ScopeCatalogue['ofRole'] | null | undefined; scopes: readonly string[] },
  catalogue: ScopeCatalogue,
): Scopes => (baseRole == null ? new Set(scopes) : new Set([...catalogue.ofRole[baseRole], ...scopes]))

export interface Source {
  scopes: Scopes
}

/** Each scope that counts once, under the first of the sources that gives it. */
export function firstSources<From extends Source>(sources: readonly From[], effective: Scopes) {
  const told = new Set<string>()
  return sources.map((source) => {
    const first = [...source.scopes].filter((scope) => effective.has(scope) && !told.has(scope))
    for (const scope of first) told.add(scope)
    return { source, scopes: first }
  })
}
