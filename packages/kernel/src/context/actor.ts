/** Who calls. Closed: a new kind of principal is a decision about every place that switches on it. */
export type Actor =
  | { type: 'anonymous' }
  | { type: 'user'; id: string; email: string | null; name: string | null }
  | { type: 'apiKey'; id: string; tenantId: string; scopes: readonly string[] }
  /** An internal service of ours, calling in process; `scopes` narrows what it may do. */
  | { type: 'service'; name: string; scopes?: readonly string[] }
  | { type: 'platformAdmin'; id: string; email: string | null; name: string | null }
  /** A job. */
  | { type: 'system'; name: string }

/** Jobs and commands of the installation act as operators do. */
export const isOperator = ({ type }: Actor): boolean => type === 'platformAdmin' || type === 'system'

/** One stable text per principal, for keys and limits. */
export function actorKey(actor: Actor): string {
  switch (actor.type) {
    case 'anonymous':
      return 'anonymous'
    case 'user':
    case 'platformAdmin':
    case 'apiKey':
      return `${actor.type}:${actor.id}`
    case 'service':
    case 'system':
      return `${actor.type}:${actor.name}`
  }
}
