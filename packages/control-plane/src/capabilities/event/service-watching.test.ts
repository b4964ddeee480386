import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInternalCaller, type InternalCaller } from '../../caller.ts'
import { openTestInstallation, type TestInstallation, type TestUser } from '../../testing.ts'
import { asAdmin, deafProcess, emit, listen, lockAwaited, resume, versionsOf, type Watched } from './service.fixture.ts'

const heartbeatMilliseconds = 40
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ streams: { heartbeatMilliseconds, streamsPerTenant: 3 } })
})
afterAll(() => installation.close())

const asUser = (user: TestUser) => ({ type: 'user', ...user, name: null }) as const
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('a stream', () => {
  test('begins with a resync, and then tells what happens, in order', async () => {
    const { tenant, caller } = await installation.enter()
    await emit(installation, tenant.id, 1)
    const stream = await resume(caller)
    expect((await stream.next()).data).toMatchObject({ type: 'resync', reason: 'started' })
    for (const version of [2, 3]) await emit(installation, tenant.id, version)
    const items = await stream.take(2)
    expect(items).toEqual(
      [2, 3].map((version) => ({
        id: expect.stringMatching(/^\d{16}$/),
        data: { type: 'tenant.updated', occurredAt: expect.any(String), changed: ['name'], version },
      })),
    )
    await stream.leave()
  })

  test('loses nothing and repeats nothing, whatever is written at once and however often it is cut', async () => {
    const { tenant, caller } = await installation.enter()
    const stream = await resume(caller)
    let { id } = await stream.next()
    await stream.leave()
    const writers = numbers(1, 20).map(async (writer) => {
      for (const round of numbers(0, 4)) {
        await emit(installation, tenant.id, writer + round * 20, async (em) => {
          for (let count = Math.random() * 8; count > 1; count -= 1) await em.execute('select 1')
        })
      }
    })
    const seen: Watched[] = []
    while (seen.length < 100) {
      const again = await resume(caller, id)
      seen.push(...(await again.take(Math.min(1 + Math.floor(Math.random() * 6), 100 - seen.length))))
      id = seen.at(-1)?.id ?? id
      await again.leave()
    }
    await Promise.all(writers)
    expect(versionsOf(seen).toSorted((one, other) => Number(one) - Number(other))).toEqual(numbers(1, 100))
    const positions = seen.map((item) => Number(item.id))
    expect(positions).toEqual(positions.toSorted((one, other) => one - other))
  }, 60_000)

  test('shows no event before one that was emitted earlier and is not committed yet', async () => {
    const { tenant, caller } = await installation.enter()
    const stream = await listen(caller)
    const arriving = stream.next()
    const [emitted, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const earlier = emit(installation, tenant.id, 1, () => {
      emitted.resolve()
      return commit.promise
    })
    await emitted.promise
    const later = emit(installation, tenant.id, 2)
    await Promise.race([arriving, lockAwaited(installation)])
    commit.resolve()
    expect(versionsOf([await arriving, await stream.next()])).toEqual([1, 2])
    await Promise.all([earlier, later, stream.leave()])
  })

  test('goes on where it was cut, though nothing had happened yet', async () => {
    const { tenant, caller } = await installation.enter()
    const first = await resume(caller)
    const { id } = await first.next()
    await first.leave()
    await emit(installation, tenant.id, 7)
    const again = await resume(caller, id)
    expect(versionsOf(await again.take(1))).toEqual([7])
    await again.leave()
  })

  test.each([
    ['is older than what is kept', () => (Date.now() - 8 * 86_400_000) * 1_000],
    ['is ahead of everything', () => (Date.now() + 86_400_000) * 1_000],
  ])('after an id that %s says that there is a gap', async (_, position) => {
    const { tenant, caller } = await installation.enter()
    await emit(installation, tenant.id, 1)
    const stream = await resume(caller, String(position()))
    const { id, data } = await stream.next()
    expect(data).toMatchObject({ type: 'resync', reason: 'gap' })
    expect(id).toBe((await caller.events.list({ tenantId: tenant.id })).items[0]?.id)
    await emit(installation, tenant.id, 2)
    expect(versionsOf(await stream.take(1))).toEqual([2])
    await stream.leave()
  })

  test('after an id that is none is refused', async () => {
    const { caller } = await installation.enter()
    for (const lastEventId of ['', 'first', '-1', '1e3', '07', '00', '12345678901234567', '1'.repeat(10_000)]) {
      await expect(caller.events.watch({ lastEventId })).rejects.toMatchObject({
        code: 'request.invalid',
        details: { issues: [{ path: 'lastEventId' }] },
      })
    }
  })

  test('without the bell looks by itself, in another process too', async () => {
    const { tenant, user } = await installation.enter()
    const deaf = deafProcess(installation, heartbeatMilliseconds)
    const streams = await Promise.all(
      numbers(1, 3).map(() => listen(createInternalCaller(deaf, { actor: asUser(user), tenantId: tenant.id }))),
    )
    for (const version of numbers(1, 5)) await emit(installation, tenant.id, version)
    for (const stream of streams) expect(versionsOf(await stream.take(5))).toEqual(numbers(1, 5))
    await Promise.all(streams.map((stream) => stream.leave()))
  })

  test('with the bell does not wait for its heartbeat', async () => {
    await using patient = await openTestInstallation({ streams: { heartbeatMilliseconds: 600_000 } })
    const { tenant, caller } = await patient.enter()
    const stream = await listen(caller)
    const arriving = stream.take(1)
    await emit(patient, tenant.id, 1)
    expect(versionsOf(await arriving)).toEqual([1])
    await stream.leave()
  })

  test('reads on only as its listener does', async () => {
    const { tenant, user } = await installation.enter()
    const { database } = installation.dependencies
    let units = 0
    const counting: typeof database = {
      ...database,
      tenantUnit: (unit, work) => {
        units += 1
        return database.tenantUnit(unit, work)
      },
    }
    const dependencies = { ...installation.dependencies, database: counting }
    const caller = createInternalCaller(dependencies, { actor: asUser(user), tenantId: tenant.id })
    const stream = await listen(caller)
    for (const version of numbers(1, 120)) await emit(installation, tenant.id, version)
    const before = units
    const [first] = await stream.take(1)
    // While another reads all of it, a stream that runs ahead would do the same.
    const quick = await resume(installation.callerAs(user, tenant.id), first?.id)
    await quick.take(119)
    expect(units - before).toBe(1)
    expect(versionsOf(await stream.take(119))).toEqual(numbers(2, 120))
    expect(units - before).toBe(3)
    await Promise.all([stream.leave(), quick.leave()])
  })

  test('holds no transaction open while it waits', async () => {
    await using patient = await openTestInstallation({ streams: { heartbeatMilliseconds: 600_000 } })
    const { caller } = await patient.enter()
    const leave = new AbortController()
    const stream = await listen(caller)
    const waiting = stream.next().catch(() => undefined)
    await expect.poll(() => patient.database.pool()).toSatisfy(({ total, idle }) => total === idle)
    leave.abort()
    patient.dependencies.services.eventStreams.end()
    await waiting
  })
})

describe('who listens', () => {
  test('is told of usage and settings only with the scope to read them', async () => {
    const { tenant, caller } = await installation.enter()
    const narrow = (...scopes: string[]) =>
      installation.callerAs({ type: 'service', name: 'narrow', scopes }, tenant.id)
    const [plain, usage, viewer] = await Promise.all([
      listen(narrow('tenant:read')),
      listen(narrow('tenant:read', 'usage:read')),
      listen(installation.callerAs(await installation.createMember(tenant.id, 'viewer'), tenant.id)),
    ])
    await caller.tenants.updateSettings({ settings: { branding: { primaryColor: '#00ff00' } } })
    await caller.usage.track({ tenantId: 'current', metric: 'conversations', amount: 1_000_000 })
    await installation.dependencies.services.metering.told(tenant.id)
    await caller.tenants.update({ tenantId: 'current', name: 'Acme Bakery' })
    const typesUntilUpdate = async ({ next }: { next(): Promise<Watched> }) => {
      const types = new Set<string>()
      while (!types.has('tenant.updated')) types.add((await next()).data.type)
      return [...types]
    }
    expect(await typesUntilUpdate(plain)).toEqual(['tenant.updated'])
    expect(await typesUntilUpdate(usage)).toEqual(['usage.threshold_reached', 'tenant.updated'])
    expect(await typesUntilUpdate(viewer)).toEqual(['settings.updated', 'usage.threshold_reached', 'tenant.updated'])
    await Promise.all([plain, usage, viewer].map((stream) => stream.leave()))
  })

  test.each([
    [
      'the tenant is suspended',
      "update tenantry.tenants set status = 'suspended', status_reason = 'unpaid' where id = $1",
      { code: 'tenant.inactive', details: { state: 'suspended', reason: 'unpaid' } },
    ],
    ['the membership is gone', 'delete from tenantry.memberships where tenant_id = $1', { code: 'tenant.not_found' }],
  ])('is sent away when %s, before it is told anything more', async (_, sql, refusal) => {
    const { tenant, caller } = await installation.enter()
    const [quiet, told] = [await listen(caller), await listen(caller)]
    await asAdmin(installation, sql, [tenant.id])
    await expect(quiet.next()).rejects.toMatchObject(refusal)
    await emit(installation, tenant.id, 1)
    await expect(told.next()).rejects.toMatchObject(refusal)
  })

  test('shares what the tenant may open at once, and leaves a place behind', async () => {
    const { tenant, caller } = await installation.enter()
    const { caller: neighbour } = await installation.enter()
    const open = await Promise.all(numbers(1, 3).map(() => listen(caller)))
    await expect(listen(caller)).rejects.toMatchObject({
      code: 'event.too_many_streams',
      status: 429,
      details: { limit: 3 },
    })
    await (await listen(neighbour)).leave()
    await open[0]?.leave()
    const next = await listen(caller)
    await emit(installation, tenant.id, 1)
    expect(versionsOf(await next.take(1))).toEqual([1])
    await Promise.all([...open, next].map((stream) => stream.leave()))
  })

  test('is let go at once when it leaves, or when the process stops', async () => {
    await using patient = await openTestInstallation({ streams: { heartbeatMilliseconds: 600_000 } })
    const { tenant, user, caller } = await patient.enter()
    const leave = new AbortController()
    const leaving = await listen(patient.callerAs(user, tenant.id, { signal: leave.signal }))
    const left = leaving.next()
    leave.abort()
    await expect(left).rejects.toThrow('The stream has ended')

    const staying = await listen(caller)
    const stopped = staying.next()
    patient.dependencies.services.eventStreams.end()
    await expect(stopped).rejects.toMatchObject({ code: 'service.overloaded', details: { retryAfterSeconds: 1 } })
    await expect(openAndTake(caller)).rejects.toMatchObject({ code: 'service.overloaded' })
  })
})

test('a stream that nobody can abort ends when its listener breaks off, even between two events', async () => {
  await using patient = await openTestInstallation({
    streams: { heartbeatMilliseconds: 600_000, streamsPerTenant: 1 },
  })
  const { caller } = await patient.enter()
  const watch = () => caller.events.watch({})
  for await (const { data } of await watch()) {
    expect(data.type).toBe('resync')
    break
  }
  const items = (await watch())[Symbol.asyncIterator]()
  await items.next()
  const waiting = items.next()
  await items.return?.()
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect((await openAndTake(caller)).data.type).toBe('resync')
})

const openAndTake = async (caller: InternalCaller) => (await resume(caller)).next()
