import { afterAll, beforeAll, expect, test } from 'vitest'
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
