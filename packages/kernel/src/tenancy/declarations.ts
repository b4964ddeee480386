import { createHash } from 'node:crypto'
import pg from 'pg'
import { type ExpectedDatabase, type PrintedDeclarations, printDeclarations, withSnapshot } from './inspection.ts'

/**
 * What the code declares, as PostgreSQL printed it when it was migrated: so can an operator's connection, which may
 * make no copies, compare the catalogue with it. An operator also sees which signing keys there are, not their secrets.
 */
export const declarationsSql = /* sql */ `
create table tenancy.declarations (
  only_one boolean primary key default true check (only_one),
  fingerprint text not null,
  printed jsonb not null,
  recorded_at timestamptz not null default now()
);
alter table tenancy.declarations enable row level security;
alter table tenancy.declarations force row level security;
create policy owner_only on tenancy.declarations to tenantry_owner using (true) with check (true);

create function tenancy.recorded_declarations() returns table (fingerprint text, printed jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select d.fingerprint, d.printed from tenancy.declarations d where (select tenancy.current_operator()) is not null;
end;

create function tenancy.valid_signing_keys() returns table (kid text, created_at timestamptz, retires_at timestamptz, signs boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select k.kid, k.created_at, k.retires_at, k.kid = split_part(current_setting('tenancy.platform_context', true), '.', 1)
    from tenancy.signing_keys k
   where (k.retires_at is null or k.retires_at > clock_timestamp()) and (select tenancy.current_operator()) is not null;
end;

revoke all on function tenancy.recorded_declarations(), tenancy.valid_signing_keys() from public;
grant execute on function tenancy.recorded_declarations(), tenancy.valid_signing_keys() to tenantry_platform;
`

export interface RecordedDeclarations {
  /** Of the code and the PostgreSQL that printed them. */
  fingerprint: string
  printed: PrintedDeclarations
}

/** Names what the code declares: two versions that declare the same have the same. */
export const codeFingerprint = (expected: ExpectedDatabase): string =>
  createHash('sha256').update(JSON.stringify(expected)).digest('hex')

/** Other versions of PostgreSQL print otherwise. */
export const recordFingerprint = (expected: ExpectedDatabase, serverMajor: number): string =>
  `${codeFingerprint(expected)}/${serverMajor}`

/** Keeps what the code declares as this PostgreSQL prints it, unless it is kept already. `ownerUrl` is that of the owner. */
export async function recordDeclarations(ownerUrl: string, expected: ExpectedDatabase): Promise<void> {
  const record = await withSnapshot(ownerUrl, async (query): Promise<RecordedDeclarations | null> => {
    const [server] = await query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    )
    const fingerprint = recordFingerprint(expected, server?.major ?? 0)
    const known = await query('select from tenancy.declarations where fingerprint = $1', [fingerprint])
    return known.length > 0 ? null : { fingerprint, printed: await printDeclarations(query, expected) }
  })
  if (record === null) return
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    await client.query(keepSql, [record.fingerprint, JSON.stringify(record.printed)])
  } finally {
    await client.end()
  }
}

const keepSql = /* sql */ `
insert into tenancy.declarations (fingerprint, printed) values ($1, $2)
on conflict (only_one) do update set fingerprint = excluded.fingerprint, printed = excluded.printed, recorded_at = now()
`
