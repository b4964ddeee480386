type Scopes = ReadonlySet<string>

/** Those of the granted scopes, in their order, that whoever grants them does not hold. */
export const missingFrom = (held: Scopes, granted: Scopes): string[] =>
  [...granted].filter((scope) => !held.has(scope)).sort()

/** Who holds as much as oneself, or something else, is changed by owners only: an admin takes nothing from another one. */
export const mayManage = (held: Scopes, others: Scopes): boolean =>
  held.has('tenant:own') || (held.size > others.size && missingFrom(held, others).length === 0)
