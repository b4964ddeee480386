import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../src/testing.ts'
import { type Campaign, type Context, openCampaign } from './isolation-attacker.fixture.ts'
import { fingerprint } from './isolation-rows.fixture.ts'

let installation: TestInstallation
let campaign: Campaign
let client: Client

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
  client = await campaign.connect()
  const { attacker, victim } = campaign
  const overrides = { users: { value: 4_321 } }
  await installation
    .callerAs(operator, victim.id)
    .limits.setOverrides({ tenantId: 'current', overrides, reason: 'Agreed' })
  await installation.dependencies.services.metering.refresh([attacker.id, victim.id])
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

/** In one transaction, which is committed where nothing fails. */
async function within<Result>({ tenant = '', user = '' }: Context, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin')
  try {
    await client.query(
      `select set_config('tenancy.tenant_context', $1, true), set_config('tenancy.user_context', $2, true)`,
      [tenant, user],
    )
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

const ask = async (meter: string | null, counted: unknown, adding: unknown) =>
  (await client.query('select * from metering.require_room($1, $2, $3)', [meter, counted, adding])).rows

test('room is neither held nor asked for without the signed context of a tenant', async () => {
  const { attacker, victim, sign } = campaign
  const token = sign('tenant', victim.id)
  const forged: Record<string, Context> = {
    none: {},
    'a tenant’s id': { tenant: victim.id },
    'another signature': { tenant: token.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
    'another tenant under a signature of one’s own': {
      tenant: sign('tenant', attacker.id).replace(attacker.id, victim.id),
    },
    'the signature of a user': { tenant: sign('user', victim.id), user: sign('user', victim.user.id) },
    'the signature of a batch': { tenant: sign('batch', victim.id) },
    'no tenant’s id': { tenant: sign('tenant', 'anything') },
  }
  for (const [name, context] of Object.entries(forged)) {
    await expect(
      within(context, () => ask('users', null, 1)),
      name,
    ).rejects.toMatchObject({ code: '42501' })
    const hold = () => client.query(`select metering.hold_room('users')`)
    await expect(within(context, hold), name).rejects.toMatchObject({ code: '42501' })
  }
})

test('room tells of the signed tenant alone, and writes nothing of another', async () => {
  const { admin, tables, attacker, victim, sign } = campaign
  const before = await fingerprint(admin, tables, victim.id)
  const context = { tenant: sign('tenant', attacker.id), user: sign('user', victim.user.id) }
  const [own] = await within(context, () => ask('users', null, 1))
  expect(own).toMatchObject({ ready: true, allowed: true })
  expect(own.hard).not.toBe('4321')
  for (const meter of ['teams', 'admins', 'custom_roles']) await within(context, () => ask(meter, null, 1))
  expect(await fingerprint(admin, tables, victim.id)).toBe(before)
  const [theirs] = await within({ tenant: sign('tenant', victim.id) }, () => ask('users', null, 0))
  expect(theirs).toMatchObject({ ready: true, hard: '4321' })
})

test('no counter of what is tracked is written by asking for room, nor what Tenantry counts itself told otherwise', async () => {
  const { admin, tables, attacker, sign } = campaign
  const before = await fingerprint(admin, tables, attacker.id)
  const held = (meter: string, counted: unknown) => async () => {
    await client.query('select metering.hold_room($1)', [meter])
    return ask(meter, counted, 1)
  }
  for (const [meter, counted] of [
    ['tokens', 0],
    ['storage', 0],
    ['concurrent_pipelines', null],
    ['users', 0],
    ['admins', 0],
  ] as const)
    await expect(within({ tenant: sign('tenant', attacker.id) }, held(meter, counted)), meter).rejects.toMatchObject({
      code: '22023',
    })
  expect(await fingerprint(admin, tables, attacker.id)).toBe(before)
})

test('time, catalogue and span are taken under a signature for the signed tenant alone', async () => {
  const { admin, tables, attacker, victim, sign } = campaign
  const before = await fingerprint(admin, tables, attacker.id)
  const at = new Date().toISOString()
  const told = { at, catalogue: '1', span: '2026-11-01' }
  const signed = (tenantId: string, values: typeof told, purpose = 'room') =>
    installation.database.signValues([purpose, tenantId, 'users', ...Object.values(values)])
  const askAt = (signature: string, { at, catalogue, span }: typeof told, adding = 1) =>
    client.query('select * from metering.require_room_at($1, $2, null, $3, $4, $5, $6)', [
      signature,
      'users',
      adding,
      at,
      catalogue,
      span,
    ])
  const context = { tenant: sign('tenant', attacker.id) }
  const forged = {
    none: '',
    'of a tenant': context.tenant,
    'for another tenant': signed(victim.id, told),
    'of another time': signed(attacker.id, { ...told, at: '2001-01-01T00:00:00.000Z' }),
    'of another catalogue': signed(attacker.id, { ...told, catalogue: '0' }),
    'of another span': signed(attacker.id, { ...told, span: '1999-01-01' }),
    'for something else': signed(attacker.id, told, 'write'),
  }
  for (const [name, signature] of Object.entries(forged))
    await expect(
      within(context, () => askAt(signature, told)),
      name,
    ).rejects.toMatchObject({ code: '42501' })
  const past = `select * from metering.require_room('users', null, 1, '2001-01-01', 1, '1999-01-01')`
  await expect(within(context, () => client.query(past))).rejects.toMatchObject({ code: '42883' })
  const inside = `select * from metering.room_at('users', null, 1, '2001-01-01', 1, '1999-01-01')`
  await expect(within(context, () => client.query(inside))).rejects.toMatchObject({ code: '42501' })
  const { rows } = await within(context, () => askAt(signed(attacker.id, told), told, 0))
  expect(rows).toMatchObject([{ ready: true }])
  expect(await fingerprint(admin, tables, attacker.id)).toBe(before)
})

test('amounts that are none, negative or too large to be told exactly are refused', async () => {
  const { attacker, sign } = campaign
  const context = { tenant: sign('tenant', attacker.id) }
  const largest = String(Number.MAX_SAFE_INTEGER)
  for (const [counted, adding] of [
    [null, -1],
    [null, null],
    [null, '9007199254740992'],
    [null, '9223372036854775807'],
    [-1, 1],
    [largest, 1],
    ['9223372036854775807', largest],
  ])
    await expect(
      within(context, () => ask('users', counted, adding)),
      `${counted} ${adding}`,
    ).rejects.toMatchObject({ code: '22023' })
  await expect(within(context, () => ask(null, null, 1))).rejects.toMatchObject({ code: '22023' })
  const [refused] = await within(context, () => ask('users', null, largest))
  expect(refused).toMatchObject({ allowed: false, alerted: false })
})
