import { readFileSync } from 'node:fs'
import pg from 'pg'
import { openTestInstallation, type TestInstallation, type TestInstallationOptions } from '../../testing.ts'
import { type PlanCatalogue, parseCatalogue } from '../plan/rules/catalogue.ts'

const defaultText = readFileSync(new URL('../../../catalogue/default.yaml', import.meta.url), 'utf8')

/** The default catalogue in the words of a file, with sources for some of its meters. */
export const sourcedText = (sources: Record<string, string>): string =>
  Object.entries(sources).reduce(
    (text, [meter, source]) => text.replace(`\n  ${meter}:\n`, `\n  ${meter}:\n    source: ${source}\n`),
    defaultText,
  )

export const sourced = (sources: Record<string, string>): PlanCatalogue =>
  parseCatalogue(sourcedText(sources), 'plans.yaml')

export const productSources = {
  tokens: '{ table: conversations, aggregate: sum, column: total_tokens, at: created_at }',
  conversations: '{ table: conversations, aggregate: count }',
}

/** As the migration of a product would make a table of its tenants. */
export const productTable = /* sql */ `
create table tenantry.conversations (tenant_id uuid not null, id uuid not null default gen_random_uuid(),
  total_tokens bigint not null, title text, created_at timestamptz not null, primary key (tenant_id, id));
alter table tenantry.conversations owner to tenantry_owner;
alter table tenantry.conversations enable row level security;
alter table tenantry.conversations force row level security;
create policy tenant_isolation on tenantry.conversations to tenantry_app
  using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
grant select, insert, update, delete on tenantry.conversations to tenantry_app;
`

export interface Product {
  installation: TestInstallation
  admin: pg.Client
  /** As many conversations of the tenant as there are amounts. */
  converse(tenantId: string, tokens: readonly number[], createdAt?: string): Promise<void>
  close(): Promise<void>
}

export async function openProduct(options: TestInstallationOptions = {}): Promise<Product> {
  const installation = await openTestInstallation({ catalogue: sourced(productSources), ...options })
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  await admin.query(productTable)
  return {
    installation,
    admin,
    converse: async (tenantId, tokens, createdAt = '2026-11-20T12:00:00Z') => {
      await admin.query(
        'insert into tenantry.conversations (tenant_id, total_tokens, created_at) select $1, t, $3 from unnest($2::bigint[]) t',
        [tenantId, tokens, createdAt],
      )
    },
    close: async () => {
      await admin.end()
      await installation.close()
    },
  }
}
