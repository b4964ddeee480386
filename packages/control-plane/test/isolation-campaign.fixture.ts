import type { Client } from 'pg'
import { expect } from 'vitest'
import type { Attack, Campaign } from './isolation-attacker.fixture.ts'

export const refused = (...statements: string[]): Attack => ({
  name: statements.join('; '),
  statements,
  outcome: 'refused',
})

export const nothing = (...statements: string[]): Attack => ({
  name: statements.join('; '),
  statements,
  outcome: 'nothing',
})

/** Refused for what it asks, whoever asks. */
export const impossible = (code: string, statement: string): Attack => ({ ...refused(statement), codes: [code] })

/**
 * Each in a transaction of the attacker's tenant that commits, on a session that nothing has succeeded in before; prints
 * how many got through.
 */
export async function expectNoneThrough(
  campaign: Campaign,
  attacks: Attack[],
  annotate: (text: string) => Promise<unknown>,
): Promise<void> {
  const before = await catalogue(campaign)
  const through: string[] = []
  let client = await campaign.connect()
  for (const attack of attacks) {
    through.push(...(await runAttack(campaign, client, attack)))
    // One that was refused was rolled back, and left the session as it found it.
    if (attack.outcome === 'refused') continue
    await client.end()
    client = await campaign.connect()
  }
  await client.end()
  await annotate(`${attacks.length} attempts, ${through.length} got through`)
  expect(through).toEqual([])
  expect(await catalogue(campaign)).toEqual(before)
}

async function runAttack(campaign: Campaign, client: Client, attack: Attack): Promise<string[]> {
  const { attacker, sign, attempt } = campaign
  const how = await attempt(client, attack, {
    tenant: sign('tenant', attacker.id),
    user: sign('user', attacker.user.id),
  })
  // Whatever the session was left as, the victim's rows stay out of its reach.
  const look = nothing('select id, slug, name from tenantry.tenants', 'select * from tenantry.usage_counters')
  const after = await attempt(client, { ...look, name: `after ${attack.name}` }, {})
  return [how, after].filter((text) => text !== null)
}

/** Roles, rights, policies and functions: what an attack must leave as it was. */
async function catalogue({ admin }: Campaign) {
  const { rows } = await admin.query(`
    select (select md5(string_agg(r::text, '|' order by oid)) from pg_roles r where rolname ~ '^tenantry_') as roles,
           (select md5(string_agg(m::text, '|' order by oid)) from pg_auth_members m) as members,
           (select md5(string_agg(concat_ws(' ', oid, relacl, relrowsecurity, relforcerowsecurity, relowner), '|' order by oid)) from pg_class where relkind <> 't') as relations,
           (select md5(string_agg(p::text, '|' order by oid)) from pg_policy p) as policies,
           (select md5(string_agg(p::text, '|' order by oid)) from pg_proc p) as functions,
           (select md5(string_agg(n::text, '|' order by oid)) from pg_namespace n) as schemas,
           (select count(*)::int from pg_largeobject_metadata) as "largeObjects"`)
  return rows[0]
}
