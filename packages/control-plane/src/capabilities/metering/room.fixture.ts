import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { newId } from '@tenantry/kernel/tenancy/id'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import pg from 'pg'
import type { TestInstallation } from '../../testing.ts'

/** One unit of work of a service, in that tenant, as the application. */
export async function inUnit<Result>(
  { dependencies }: TestInstallation,
  tenantId: string,
  work: (ctx: TenantContext) => Promise<Result>,
): Promise<Result> {
  const actor = { type: 'service', name: 'product' } as const
  const access = await dependencies.directory.findAccess(actor, tenantId)
  if (access === null) throw new Error('There is no such tenant')
  const { unit } = openSequence({
    dependencies,
    actor,
    client: { address: null, userAgent: null },
    requestId: newId(),
    logger: dependencies.logger,
    operation: 'product.test',
  })
  return unit.member(access, work)
}

/** A tenant table of a product. */
export async function makeProductTable({ testDatabase }: TestInstallation): Promise<void> {
  const client = new pg.Client(testDatabase.adminUrl)
  await client.connect()
  try {
    await client.query(`
      create schema if not exists product;
      create table product.boards (tenant_id uuid not null, id uuid not null default gen_random_uuid(), name text not null,
        primary key (tenant_id, id));
      alter table product.boards enable row level security;
      alter table product.boards force row level security;
      create policy tenant_isolation on product.boards to tenantry_app
        using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
      grant usage on schema product to tenantry_app;
      grant select, insert, delete on product.boards to tenantry_app`)
  } finally {
    await client.end()
  }
}
