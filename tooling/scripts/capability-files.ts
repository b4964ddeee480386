import { type CapabilityName, sentence } from './capability-name.ts'
import { capabilityTests } from './capability-tests.ts'

/** The files of a new capability by name: one tenant table, with create, get and list. */
export function capabilityFiles(name: CapabilityName): Record<string, string> {
  return {
    'contract.ts': contract(name),
    'entity.ts': entity(name),
    'repository.ts': repository(name),
    'service.ts': service(name),
    'router.ts': router(name),
    'index.ts': index(name),
    ...capabilityTests(name),
  }
}

const contract = ({ entity, entities, value, column, segment, words, manyWords }: CapabilityName) => `\
import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { id, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const ${value}Errors = defineErrors('${column}', {
  not_found: { kind: 'not_found', message: 'There is no such ${words} in this tenant.' },
  name_taken: { kind: 'conflict', message: 'This tenant has a ${words} of this name already.' },
})

const tags: [string] = ['${sentence(manyWords)}']
const answer = z.object({ id: id('${words}'), name: z.string(), createdAt: timestamp() })

export const create${entity} = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:manage',
  audit: '${column}.created',
  rest: { method: 'POST', path: '/tenants/current/${segment}', summary: 'Create a ${words}', tags, successStatus: 201 },
  input: z.object({ name: text(1, 100) }),
  output: answer,
  errors: [${value}Errors.name_taken],
})

export const get${entity} = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  rest: { method: 'GET', path: '/tenants/current/${segment}/{${value}Id}', summary: 'Show a ${words}', tags },
  input: z.object({ ${value}Id: id('${words}') }),
  output: answer,
  errors: [${value}Errors.not_found],
})

export const list${entities} = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'tenant:read',
  rest: {
    method: 'GET',
    path: '/tenants/current/${segment}',
    summary: 'List the ${manyWords}',
    description: 'The oldest first.',
    tags,
  },
  input: z.object({ ...pageInput, cursor: id('${words}').optional() }),
  output: page(answer),
})
`

const entity = ({ entity, table }: CapabilityName) => `\
import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

export const ${entity} = defineEntity({
  name: '${entity}',
  tableName: '${table}',
  ...tenantScoped,
  uniques: [{ properties: ['tenantId', 'name'] }],
  properties: {
    ...tenantColumns,
    name: p.string().length(100),
    createdAt: p.datetime(),
  },
})
export type ${entity} = InferEntity<typeof ${entity}>
`

const repository = ({ entity, entities, value }: CapabilityName) => `\
import { type EntityManager, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { ${value}Errors } from './contract.ts'
import { ${entity} } from './entity.ts'

export async function find${entity}(em: EntityManager, id: string): Promise<${entity} | null> {
  return em.findOne(${entity}, { id })
}

/** Ids are sorted by the time of their making. */
export async function find${entities}(
  em: EntityManager,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<${entity}[]> {
  return em.find(${entity}, after === undefined ? {} : { id: { $gt: after } }, { orderBy: { id: 'asc' }, limit })
}

/** Throws \`${value}Errors.name_taken\`: only the database sees who else is writing. */
export async function insert${entity}(em: EntityManager, fields: Pick<${entity}, 'name' | 'createdAt'>): Promise<${entity}> {
  const made = em.create(${entity}, fields)
  try {
    await em.persist(made).flush()
  } catch (error) {
    throw error instanceof UniqueConstraintViolationException ? ${value}Errors.name_taken() : error
  }
  return made
}
`

const service = ({ entity, entities, value, column }: CapabilityName) => `\
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import {
  type create${entity} as createOperation,
  type get${entity} as getOperation,
  type list${entities} as listOperation,
  ${value}Errors,
} from './contract.ts'
import type { ${entity} } from './entity.ts'
import { find${entity}, find${entities}, insert${entity} } from './repository.ts'

export async function create${entity}(ctx: TenantContext, { name }: z.output<typeof createOperation.input>) {
  const made = await insert${entity}(ctx.em, { name, createdAt: ctx.clock.now() })
  ctx.record('${column}.created', {
    target: { type: '${column}', id: made.id },
    changes: { name: { before: null, after: name } },
  })
  return describe(made)
}

/** Throws \`${value}Errors.not_found\`. */
export async function get${entity}(ctx: TenantContext, { ${value}Id }: z.output<typeof getOperation.input>) {
  const found = await find${entity}(ctx.em, ${value}Id)
  if (!found) throw ${value}Errors.not_found()
  return describe(found)
}

export async function list${entities}(ctx: TenantContext, { cursor, limit }: z.output<typeof listOperation.input>) {
  const found = await find${entities}(ctx.em, { after: cursor, limit: limit + 1 })
  const items = found.slice(0, limit).map(describe)
  return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null }
}

const describe = ({ id, name, createdAt }: ${entity}) => ({ id, name, createdAt })
`

const router = ({ entity, entities, value }: CapabilityName) => `\
import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const ${value}Router = router({
  create: tenantOperation(contract.create${entity}).mutation(({ ctx, input }) => service.create${entity}(ctx, input)),
  get: tenantOperation(contract.get${entity}).query(({ ctx, input }) => service.get${entity}(ctx, input)),
  list: tenantOperation(contract.list${entities}).query(({ ctx, input }) => service.list${entities}(ctx, input)),
})
`

const index = ({ entity, value }: CapabilityName) => `\
export { ${value}Errors } from './contract.ts'
export { find${entity} } from './repository.ts'
`

/** The table as the entity declares it, with its policies, foreign key and grants. */
export function migrationFile({ entity, values, table, manyWords }: CapabilityName): string {
  const target = `"tenantry"."${table}"`
  const own = '(tenant_id = (select tenancy.current_tenant()))'
  return `\
/** The table of ${manyWords}, as the entity \`${entity}\` declares it. */
export const ${values}Sql = /* sql */ \`
create table ${target} ("tenant_id" uuid not null, "id" uuid not null, "name" varchar(100) not null, "created_at" timestamptz not null, primary key ("tenant_id", "id"));
alter table ${target} add constraint "${table}_tenant_id_name_unique" unique ("tenant_id", "name");
alter table ${target} enable row level security;
alter table ${target} force row level security;
create policy "tenant_isolation" on ${target} to "tenantry_app" using ${own} with check ${own};
create policy "platform_tenant" on ${target} to "tenantry_platform" using ${own} with check ${own};
create policy "platform_read" on ${target} for select to "tenantry_platform" using ((select tenancy.current_operator()) is not null);
create policy "tenant_purge" on ${target} to "tenantry_lifecycle" using ${own} with check ${own};

alter table tenantry.${table} add constraint ${table}_tenant_fk foreign key (tenant_id) references tenantry.tenants (id);
grant select, insert on tenantry.${table} to tenantry_app, tenantry_platform;
grant select, delete on tenantry.${table} to tenantry_lifecycle;
create trigger refuse_purged before insert on tenantry.${table} for each statement execute function lifecycle.refuse_purged();
\`
`
}
