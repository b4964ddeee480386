import { createHash, createHmac, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeBatch } from '../src/capabilities/metering/repository/write.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, type Context, openCampaign } from './isolation-attacker.fixture.ts'
import { fingerprint } from './isolation-rows.fixture.ts'

let installation: TestInstallation
let campaign: Campaign
let client: Client

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
  client = await campaign.connect()
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

/** Runs in a transaction of its own that is rolled back. */
async function within<Result>({ tenant = '', user = '' }: Context, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin')
  try {
    await client.query(
      `select set_config('tenancy.tenant_context', $1, true), set_config('tenancy.user_context', $2, true)`,
      [tenant, user],
    )
    return await work()
  } finally {
    await client.query('rollback')
  }
}

const rowsOf = async (sql: string, values: unknown[] = []) => (await client.query(sql, values)).rows

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The context of a sign-in that says these parts. */
function identityToken(issuer: string, subject: string, ...says: string[]): string {
  const said = sha256([issuer, subject, ...says].map(sha256).join(''))
  return campaign.sign('identity', `${sha256(`${issuer}|${subject}`)}:${said}`)
}

const signIn = (issuer: string | null, subject: string | null, email: string | null, name: string | null) =>
  rowsOf('select directory.sign_in($1, $2, $3, $4, $5, now()) as id', [randomUUID(), issuer, subject, email, name])

test('every function that runs with rights of its own fixes its search path and is closed to the public', async () => {
  const { rows } = await campaign.admin.query(
    `select p.oid::regprocedure::text as name, p.proconfig as config, p.prosecdef as definer,
            exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) where grantee = 0) as public
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('tenancy', 'directory', 'metering', 'hierarchy', 'lifecycle', 'tenantry')`,
  )
  const definers = rows.filter(({ definer }) => definer)
  expect(definers.length).toBeGreaterThan(8)
  expect(definers.filter(({ config }) => !config?.includes('search_path=pg_catalog, pg_temp'))).toEqual([])
  expect(rows.filter((row) => row.public).map(({ name }) => name)).toEqual([])
})

test('the directory tells nothing without a signed user, and of that user alone', async () => {
  const { attacker, victim, sign, admin } = campaign
  await admin.query(`update tenantry.tenants set external_id = 'victim-external' where id = $1`, [victim.id])
  const contexts: Record<string, Context> = {
    none: {},
    tenant: { tenant: sign('tenant', attacker.id) },
    'the attacker': { tenant: sign('tenant', attacker.id), user: sign('user', attacker.user.id) },
    'nobody known': { user: sign('user', randomUUID()) },
    'the victim’s tenant as a user': { user: sign('user', victim.id) },
  }
  for (const [name, context] of Object.entries(contexts)) {
    await within(context, async () => {
      for (const reference of [
        victim.id,
        victim.id.toUpperCase(),
        victim.slug,
        'victim-external',
        '%',
        '',
        "' or true --",
      ]) {
        expect(await rowsOf('select * from directory.find_access($1)', [reference]), name).toEqual([])
      }
      const memberships = await rowsOf('select * from directory.memberships()')
      expect(
        memberships.map((row) => row.tenant_id),
        name,
      ).toEqual(name === 'the attacker' ? [attacker.id] : [])
      const own = await rowsOf('select directory.own_tenants() as id')
      expect(own, name).toEqual(name === 'the attacker' ? [{ id: attacker.id }] : [])
    })
  }
  await within({ user: sign('user', victim.user.id) }, async () => {
    expect(await rowsOf('select tenant_id from directory.find_access($1)', ['victim-external'])).toEqual([
      { tenant_id: victim.id },
    ])
  })
})

test('a purge and its count of children are refused to the application, whatever it has signed', async () => {
  const { victim, attacker, sign } = campaign
  for (const { id } of [attacker, victim]) {
    const context = { tenant: sign('tenant', id) }
    const refused = { code: '42501' }
    await within(context, () => expect(rowsOf('select * from lifecycle.purge_batch(1)')).rejects.toMatchObject(refused))
    await within(context, () => expect(rowsOf('select lifecycle.tenant_tables()')).rejects.toMatchObject(refused))
    await within(context, () => expect(rowsOf('select directory.live_child_count()')).rejects.toMatchObject(refused))
  }
})

test('children are counted of the signed tenant alone', async () => {
  const { attacker, victim, sign } = campaign
  await installation.createTenant({ parent: victim })
  const count = () => rowsOf('select directory.child_count()::int as count')
  expect(await within({}, count)).toEqual([{ count: 0 }])
  expect(await within({ tenant: sign('tenant', attacker.id) }, count)).toEqual([{ count: 0 }])
  expect(await within({ tenant: sign('tenant', victim.id) }, count)).toEqual([{ count: 1 }])
})

test('a sign-in is done with the signed words only', async () => {
  const { victim } = campaign
  const { issuer } = installation.issuer
  const signed = ['https://issuer.test', 'subject', 'new@people.test', 'New | Person'] as const
  const token = identityToken(...signed)
  const others: Record<string, [string | null, string | null, string | null, string | null]> = {
    'another issuer': [issuer, signed[1], signed[2], signed[3]],
    'another subject': [signed[0], victim.user.email, signed[2], signed[3]],
    'the victim': [issuer, victim.user.email, signed[2], signed[3]],
    'another e-mail address': [signed[0], signed[1], victim.user.email, signed[3]],
    'another name': [signed[0], signed[1], signed[2], 'Other'],
    'no name': [signed[0], signed[1], signed[2], null],
    'no e-mail address': [signed[0], signed[1], null, signed[3]],
    'the same words, cut elsewhere': [signed[0], signed[1], `${signed[2]}|New `, ' Person'],
    'two words in one': [signed[0], signed[1], `${signed[2]}|${signed[3]}`, null],
    'no words': [null, null, null, null],
  }
  for (const [name, args] of Object.entries(others)) {
    await expect(
      within({ user: token }, () => signIn(...args)),
      name,
    ).rejects.toMatchObject({ code: '42501' })
  }
  const contexts = {
    none: '',
    user: campaign.sign('user', victim.user.id),
    identity: identityToken(signed[0], signed[1]),
  }
  for (const [name, user] of Object.entries(contexts)) {
    await expect(
      within({ user }, () => signIn(...signed)),
      name,
    ).rejects.toMatchObject({ code: '42501' })
  }
  expect(await within({ user: token }, () => signIn(...signed))).toHaveLength(1)
})

test('an identity is found by its own signed context only', async () => {
  const { victim } = campaign
  const { issuer } = installation.issuer
  const find = () => rowsOf('select directory.find_user($1, $2) as id', [issuer, victim.user.email])
  expect(await within({}, find)).toEqual([{ id: null }])
  expect(await within({ user: campaign.sign('user', victim.user.id) }, find)).toEqual([{ id: null }])
  expect(await within({ user: identityToken(issuer, 'somebody@people.test') }, find)).toEqual([{ id: null }])
  expect(await within({ user: identityToken(issuer, victim.user.email) }, find)).toEqual([{ id: victim.user.id }])
})

test('a tenant’s id is told to nobody who only knows its name', async () => {
  await expect(rowsOf('select directory.tenant_id_of($1)', [campaign.victim.slug])).rejects.toMatchObject({
    code: '42501',
  })
})

/** A batch of one event, as the service would send it, without its signature. */
async function batchFor(tenantId: string, key: string) {
  const period = { period: '2026-11-01', span: '2026-11-01', isCurrent: true, day: '2026-11-21' }
  const rest = { mode: 'track' as const, sequence: null, occurredAt: new Date(), properties: null }
  const item = { tenantId, meter: 'tokens', id: randomUUID(), key, amount: 5, ...period, ...rest }
  const sent: { text: string; values: readonly string[] }[] = []
  const writeSigned = async (text: string, values: readonly string[]) => {
    sent.push({ text, values })
    return []
  }
  const options = { now: new Date(), catalogueRevision: 1, patient: true, repeated: false }
  await writeBatch({ writeSigned }, [item], options).catch(() => undefined)
  return sent[0] ?? expect.fail('nothing was sent')
}

function expired(value: string): string {
  const { kid, secret } = installation.testDatabase.signingKey
  const expiry = Math.floor(Date.now() / 1_000) - 1
  const signature = createHmac('sha256', secret).update(`batch|${kid}|${value}|${expiry}`).digest('hex')
  return `${kid}.${value}.${expiry}.${signature}`
}

const digestOf = (values: readonly string[]) => createHash('sha256').update(values.join('\x1f')).digest('hex')

test('usage is counted under a signature of exactly what is counted, whatever context is bound', async () => {
  const { admin, tables, attacker, victim, sign } = campaign
  await installation.dependencies.services.metering.refresh([attacker.id])
  const own = await batchFor(attacker.id, 'own')
  const { text, values } = await batchFor(victim.id, 'forged')
  const before = await fingerprint(admin, tables, victim.id)
  const forged = [
    '',
    'batch',
    sign('tenant', victim.id),
    sign('user', victim.user.id),
    sign('batch', digestOf(own.values)),
    sign('batch', victim.id),
    sign('batch', digestOf([...values, ''])),
    expired(digestOf(values)),
  ]
  for (const signature of forged)
    await expect(
      within({ tenant: sign('tenant', attacker.id) }, () => rowsOf(text, [signature, ...values])),
    ).rejects.toMatchObject({ code: '42501' })
  // A signature that was overheard lets nothing be changed, and what it stands for counts no second time.
  const overheard = sign('batch', digestOf(own.values))
  const changed = own.values.map((value) => value.replaceAll(attacker.id, victim.id))
  await expect(within({}, () => rowsOf(text, [overheard, ...changed]))).rejects.toMatchObject({ code: '42501' })
  await rowsOf(own.text, [overheard, ...own.values])
  expect(await rowsOf(own.text, [overheard, ...own.values])).toMatchObject([{ outcomes: '10' }])
  expect(await fingerprint(admin, tables, victim.id)).toBe(before)
})
