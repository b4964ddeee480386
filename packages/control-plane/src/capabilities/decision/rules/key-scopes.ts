/** What an API key was given, and what its maker may do in the tenant: null of one that has nothing there to lose. */
export interface KeyScopes {
  given: ReadonlySet<string>
  creator: { type: string; id: string; scopes: ReadonlySet<string> | null } | null
}

const conjunction = new Intl.ListFormat('en')
const list = (scopes: Iterable<string>) => conjunction.format([...scopes].sort())

export function describeKeyScopes({ given, creator }: KeyScopes): string {
  const told = `It was given ${list(given)}`
  if (creator === null) return `${told}.`
  const maker = `the ${creator.type} ${creator.id}`
  const { scopes } = creator
  if (scopes === null) return `${told}, by ${maker}, on the word of the platform.`
  const left = [...given].filter((scope) => scopes.has(scope))
  if (left.length === given.size) return `${told}, all of which its creator, ${maker}, holds.`
  return `${told}, of which its creator, ${maker}, holds ${left.length === 0 ? 'nothing' : `only ${list(left)}`}.`
}
