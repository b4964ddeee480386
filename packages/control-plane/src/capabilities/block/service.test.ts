import { createRedisBus } from '@tenantry/kernel/bus/redis-bus'
import { systemClock } from '@tenantry/kernel/context/clock'
import { createAbuseGuard } from '@tenantry/kernel/rate-limit/abuse-guard'
import { createSharedFailureBlock } from '@tenantry/kernel/rate-limit/shared-failure-block'
import { openTestRedis, silent } from '@tenantry/kernel/redis/redis.fixture'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('a block that nobody could read to be lifted goes on', async () => {
  const { abuseGuard } = installation.dependencies
  const principal = `user:${(await installation.createUser()).id}`
  for (let name = 1; name <= 90; name += 1) await abuseGuard.recordProbe(principal, `tenant-${name}`)
  const lift = () =>
    installation.callerAs(operator).blocks.lift({ blockId: `probing:${principal}`, reason: 'It was a drill.' })
  await asAdmin(
    installation,
    `create function public.full() returns trigger language plpgsql as $$ begin raise 'full'; end $$`,
    [],
  )
  const trigger = `create trigger full_disk before insert on tenantry.platform_audit_entries
    for each statement execute function public.full()`
  await asAdmin(installation, trigger, [])
  await expect(lift()).rejects.toThrow()
  expect(abuseGuard.blockedSeconds(principal)).toBeGreaterThan(0)
  await asAdmin(installation, 'drop trigger full_disk on tenantry.platform_audit_entries', [])
  await lift()
  expect(abuseGuard.blockedSeconds(principal)).toBe(0)
})

const program = inject('redisServer')

test.skipIf(program === null)('a block that Redis does not let go of is not said to be lifted', async () => {
  await using own = await openTestInstallation()
  const server = await openTestRedis(program)
  try {
    const redis = await server.connect()
    const given = { redis, bus: createRedisBus(redis, silent), clock: systemClock }
    const abuseGuard = createAbuseGuard({
      clock: systemClock,
      rateLimits: own.dependencies.rateLimits,
      openBlock: (details) => createSharedFailureBlock({ ...given, ...details }),
    })
    Object.assign(own.dependencies.services, { abuseGuard })
    const principal = `user:${(await own.createUser()).id}`
    for (let name = 1; name <= 90; name += 1) await abuseGuard.recordProbe(principal, `tenant-${name}`)
    const lift = () =>
      own.callerAs(operator).blocks.lift({ blockId: `probing:${principal}`, reason: 'It was a drill.' })
    server.server.freeze()
    await expect(lift()).rejects.toMatchObject({ code: 'service.overloaded' })
    expect(abuseGuard.blockedSeconds(principal)).toBeGreaterThan(0)
    server.server.thaw()
    const lifted = () =>
      lift().then(
        () => abuseGuard.blockedSeconds(principal),
        () => null,
      )
    await expect.poll(lifted, { timeout: 5_000 }).toBe(0)
  } finally {
    await server.close()
  }
})
