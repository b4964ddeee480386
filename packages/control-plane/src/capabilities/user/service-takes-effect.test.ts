import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appRouter } from '../../router.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { create } from '../api-key/service.fixture.ts'
import { deafProcess } from '../event/service.fixture.ts'
import { asOperator } from './service.fixture.ts'

const heartbeatMilliseconds = 600_000
let installation: TestInstallation
let deaf: Dependencies
beforeAll(async () => {
  installation = await openTestInstallation({ streams: { heartbeatMilliseconds } })
  deaf = deafProcess(installation, heartbeatMilliseconds)
})
afterAll(() => installation.close())

const callerOf = createCallerFactory(appRouter)

/** As a door calls, with what a request showed: one request, whose credentials are verified once. */
function calling(dependencies: Dependencies, credentials: RequestContext['credentials'], tenantId?: string) {
  return callerOf({
    dependencies,
    requestId: newId(),
    transport: 'rest',
    client: { address: '192.0.2.7', userAgent: null },
    credentials,
    tenantHints: tenantId === undefined ? {} : { header: tenantId },
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger,
  })
}

const codeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => 'ok',
    (error: unknown) => toAppError(error).code as string,
  )

/** A person with a token, a key that they made, and both in a process that hears and one that does not. */
async function enter(platformAdmin = false) {
  const { tenant, user, caller } = await installation.enter()
  const { key } = await create(caller)
  const bearer = await installation.issuer.sign({ email: user.email, platformAdmin })
  const ways = (dependencies: Dependencies) => {
    const person = () => calling(dependencies, { bearer }, tenant.id)
    const byKey = () => calling(dependencies, { apiKey: key }, tenant.id)
    return [
      { name: 'token', refused: 'auth.user_deactivated', ask: () => person().tenants.info() },
      { name: 'token, of no tenant', refused: 'auth.user_deactivated', ask: () => person().me.get() },
      {
        name: 'access.check',
        refused: 'auth.user_deactivated',
        ask: () => person().access.check({ tenantId: 'current', permission: 'tenant:read' }),
      },
      { name: 'key', refused: 'auth.unauthenticated', ask: () => byKey().tenants.info() },
    ]
  }
  return { tenant, user, bearer, key, hearing: ways(installation.dependencies), deaf: ways(deaf) }
}

const deactivate = (userId: string) => asOperator(installation).deactivate({ userId, reason: 'Left the company' })
const reactivate = (userId: string) => asOperator(installation).reactivate({ userId, reason: 'Came back' })

test('a deactivation is met at once where it is heard of, within a second where not, and ends with a reactivation', async () => {
  const { user, hearing, deaf } = await enter()
  for (const { ask, name } of [...hearing, ...deaf]) expect(await codeOf(ask()), name).toBe('ok')

  await deactivate(user.id)
  const deactivatedAt = performance.now()
  const lastAnswers = deaf.map(async ({ ask, refused, name }) => {
    for (;;) {
      const askedAt = performance.now()
      const code = await codeOf(ask())
      if (code !== 'ok') return { askedAt, code, refused, name }
      await delay(40)
    }
  })
  for (const { ask, refused, name } of hearing) expect(await codeOf(ask()), name).toBe(refused)
  for (const { askedAt, code, refused, name } of await Promise.all(lastAnswers)) {
    expect(code, name).toBe(refused)
    expect(askedAt - deactivatedAt, name).toBeLessThan(1_000)
  }

  await reactivate(user.id)
  for (const { ask, name } of hearing) expect(await codeOf(ask()), name).toBe('ok')
  for (const { ask } of deaf) await expect.poll(() => codeOf(ask()), { timeout: 1_000 }).toBe('ok')
})

test('what a deactivated user listens to ends within a second, by token and by key, long before a heartbeat', async () => {
  const { tenant, user, bearer, key } = await enter()
  const credentials = [{ bearer }, { apiKey: key }]
  const streams = await Promise.all(
    [installation.dependencies, deaf].flatMap((dependencies) =>
      credentials.map(async (shown) => {
        const stream = await calling(dependencies, shown, tenant.id).events.watch({})
        const items = stream[Symbol.asyncIterator]()
        await items.next()
        return items
      }),
    ),
  )
  const ends = streams.map((items) => codeOf(items.next() as Promise<unknown>))
  await deactivate(user.id)
  const deactivatedAt = performance.now()
  const refused = ['auth.user_deactivated', 'auth.unauthenticated']
  expect(await Promise.all(ends)).toEqual([...refused, ...refused])
  expect(performance.now() - deactivatedAt).toBeLessThan(1_000)
})

test('a token of somebody who was deactivated is good for nothing new either, and no failure of the address', async () => {
  const { user, bearer } = await enter()
  await deactivate(user.id)
  const fresh = await installation.issuer.sign({ email: user.email, name: 'Another name' })
  for (const shown of [bearer, fresh]) {
    const person = () => calling(installation.dependencies, { bearer: shown })
    expect(await codeOf(person().tenants.create({ name: 'Acme' }))).toBe('auth.user_deactivated')
    expect(await codeOf(person().plans.list())).toBe('auth.user_deactivated')
  }
  expect(installation.dependencies.failureBlock.blockedSeconds('192.0.2.7')).toBe(0)
  const attempts = (await installation.platformAuditEntries()).filter(({ actorId }) => actorId === user.id)
  const attempt = { action: 'access.denied', outcome: 'denied', details: { code: 'auth.user_deactivated' } }
  expect(attempts).toMatchObject([attempt, attempt, attempt, attempt])
})

test('an operator who was deactivated is none any more', async () => {
  const { user, bearer } = await enter(true)
  const asAdmin = () => calling(installation.dependencies, { bearer })
  expect(await codeOf(asAdmin().users.list({}))).toBe('ok')
  await deactivate(user.id)
  expect(await codeOf(asAdmin().users.list({}))).toBe('auth.user_deactivated')
  expect(await codeOf(asAdmin().users.reactivate({ userId: user.id, reason: 'x' }))).toBe('auth.user_deactivated')
})

test('nobody is let in by an invitation of somebody who was deactivated, and their membership stays', async () => {
  const { tenant, user } = await enter()
  await deactivate(user.id)
  const { directory } = installation.dependencies
  expect(await directory.findAccess({ type: 'user', ...user, name: null }, tenant.id)).toBeNull()
  const { members } = installation.callerAs(operator, tenant.id)
  expect(await members.get({ tenantId: 'current', userId: user.id })).toMatchObject({ role: 'owner' })
})

test('whoever was known before an erasure comes back as somebody new, in a process that hears of nothing too', async () => {
  const email = `gone-${createHash('sha256').update(newId()).digest('hex').slice(0, 12)}@people.test`
  const bearer = await installation.issuer.sign({ email, name: 'Ada' })
  const idIn = async (dependencies: Dependencies) => (await calling(dependencies, { bearer }).me.get()).user.id
  const former = await idIn(installation.dependencies)
  expect(await idIn(deaf)).toBe(former)
  await asOperator(installation).erase({ userId: former })
  const newcomer = await idIn(installation.dependencies)
  expect(newcomer).not.toBe(former)
  await expect.poll(() => idIn(deaf), { timeout: 1_000 }).toBe(newcomer)
})
