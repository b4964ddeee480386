import type { Rehearsal, RehearsedContext, Statement } from '../context/dependencies.ts'

/** A session of a pool; `binding` binds what a transaction may see. */
interface Session {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }>
  release(broken?: boolean): void
}

/** A transaction that is always taken back, in which the context may change. */
export async function rehearseIn<Result>(
  session: Session,
  bindingOf: (context: RehearsedContext) => Statement,
  work: (rehearsal: Rehearsal) => Promise<Result>,
): Promise<Result> {
  const bind = async (context: RehearsedContext) => {
    const { text, values } = bindingOf(context)
    await session.query(text, values)
  }
  try {
    await session.query('begin')
    await bind(null)
    return await work({
      as: bind,
      query: async <Row>(text: string, values?: readonly unknown[]) =>
        (await session.query(text, values)).rows as Row[],
    })
  } finally {
    await session.query('rollback')
    session.release()
  }
}
