import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { operator, type TestInstallation, type TestUser } from '../../testing.ts'

export const inTenant = { tenantId: 'current' } as const

/** The code, or what was answered. */
export const codeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => 'ok' as const,
    (error) => toAppError(error).code as string,
  )

export const refusalOf = (answer: Promise<unknown>) =>
  answer.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (error) => toAppError(error),
  )

/** All pages, each checked to be no longer than asked. */
export async function everyMember(
  caller: InternalCaller,
  input: Omit<Parameters<InternalCaller['members']['list']>[0], 'tenantId' | 'cursor'> = {},
) {
  const items = []
  let cursor: string | undefined
  do {
    const page = await caller.members.list({ ...inTenant, ...input, cursor })
    expect(page.items.length).toBeLessThanOrEqual(input.limit ?? 50)
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}

/** They know each other from then on, by a tenant of which all are members. */
export async function acquaint({ createTenant, addMember }: TestInstallation, ...users: TestUser[]): Promise<void> {
  const { id } = await createTenant()
  for (const user of users) await addMember(id, user.id, 'viewer')
}

/** A user of that id and address, whoever else makes them meanwhile. */
export const makeUser = ({ database }: TestInstallation, { id, email }: { id: string; email: string }) =>
  database.platformUnit({ actor: operator, readOnly: false }, (em) =>
    em.execute(
      `insert into tenantry.users (id, issuer, subject, email, created_at) values (?, 'fixture', ?, ?, now())
       on conflict do nothing`,
      [id, email, email],
    ),
  )
