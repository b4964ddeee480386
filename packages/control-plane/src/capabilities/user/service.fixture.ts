import type { InternalCaller } from '../../caller.ts'
import { operator, type TestInstallation } from '../../testing.ts'

export const asOperator = (installation: TestInstallation) => installation.callerAs(operator).users

/** All pages, of so many items each. */
export async function everythingOf({ export: read }: InternalCaller['users'], userId: string, limit: number) {
  const items = []
  let cursor: string | undefined
  do {
    const page = await read({ userId, limit, cursor })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}
