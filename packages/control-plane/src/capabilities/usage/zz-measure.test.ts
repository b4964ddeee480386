import { expect, test } from 'vitest'
import { openTestInstallation, operator } from '../../testing.ts'
import { meteringSql } from '../../../migrations/20261121000003_metering.ts'
import { Client } from 'pg'
test('measure', async () => {
  await using i = await openTestInstallation()
  const { tenant } = await i.enter()
  async function run(label: string, n: number, key = "gen_random_uuid()::text") {
    const t = performance.now()
    await i.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) => em.execute(`select metering.track(gen_random_uuid(), 'tokens', 1, ${key}, now(), now(), '2026-11-01', '2026-11-21', null) from generate_series(1, ${n})`))
    console.log(label, n, ((performance.now() - t) / n).toFixed(3), 'ms each')
  }
  for (const n of [1, 10, 100, 500]) await run('new', n)
  const t = performance.now()
  for (let k = 0; k < 100; k++) await i.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) => em.execute(`select metering.track(gen_random_uuid(), 'tokens', 1, gen_random_uuid()::text, now(), now(), '2026-11-01', '2026-11-21', null)`))
  console.log('single units', (performance.now() - t) / 100)
  const admin = new Client({ connectionString: i.testDatabase.adminUrl })
  await admin.connect()
  const strip = meteringSql.replace('set local role tenantry_metering;', '').replace('reset role;', '').replace('create function', 'create or replace function').replace(/\n {2}begin\n/, '\n').replace(/ {2}exception when[\s\S]*?end;\n/, '').replace(/revoke[\s\S]*/, '').replace(/set local role[^;]*;/,'')
  await admin.query(strip)
  for (const n of [1, 10, 100, 500]) await run('without block', n)
  const t2 = performance.now()
  for (let k = 0; k < 100; k++) await i.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) => em.execute(`select metering.track(gen_random_uuid(), 'tokens', 1, gen_random_uuid()::text, now(), now(), '2026-11-01', '2026-11-21', null)`))
  console.log('single units', (performance.now() - t2) / 100)
  await admin.end()
  expect(1).toBe(1)
}, 60_000)
