import { type EntityMetadata, EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import type { Finding } from '@tenantry/kernel/tenancy/inspection'
import { tenantPolicies } from '@tenantry/kernel/tenancy/tenant-table'

export interface EntityLists {
  tenantTables: readonly EntitySchema[]
  platformTables: readonly { entity: EntitySchema; reason: string }[]
}

/** Every entity is in one list, and is what the list says of it. `declared` is whatever entity files export. */
export async function entityFindings(declared: readonly EntitySchema[], lists: EntityLists): Promise<Finding[]> {
  const platform = lists.platformTables.map(({ entity }) => entity)
  const listed = [...lists.tenantTables, ...platform]
  const orm = await MikroORM.init({ entities: [...new Set([...listed, ...declared])], dbName: 'none', debug: false })
  const described = lists.tenantTables.map((entity) => tenantFindings(entity, orm.getMetadata().get(entity)))
  await orm.close()
  return [
    ...listed.filter((entity, place) => listed.indexOf(entity) !== place).map(fault('It is in the lists twice.')),
    ...declared
      .filter((entity) => !listed.includes(entity))
      .map(fault('It is in no list: add it to tenantTables, or to platformTables with the reason, in entities.ts.')),
    ...lists.platformTables
      .filter(({ reason }) => reason.trim().length < 10)
      .map(({ entity }) => fault('Say why it belongs to the platform and to no tenant.')(entity)),
    ...listed
      .filter(({ meta }) => meta.rowLevelSecurity !== 'force' || meta.schema !== 'tenantry')
      .map(fault(unscoped)),
    ...described.flat(),
  ]
}

const unscoped = 'It is under no row-level security: spread tenantScoped or platformScoped.'

const fault = (message: string) => (entity: EntitySchema) => ({ subject: `entity ${entity.meta.className}`, message })

function tenantFindings(entity: EntitySchema, meta: EntityMetadata): Finding[] {
  const { filters, primaryKeys, uniques, policies = [], properties } = meta
  const keys = [primaryKeys, ...uniques.map(({ properties = [] }) => [properties].flat())] as string[][]
  const unique = Object.values<{ name: string; unique?: unknown }>(properties).filter((property) => property.unique)
  const lacks = tenantPolicies().filter(({ name, ...wanted }) => {
    const has = policies.find((policy) => policy.name === name)
    return !has || Object.entries(wanted).some(([field, value]) => !same(has[field as keyof typeof has], value))
  })
  return [
    ...('tenant' in filters ? [] : [fault('The ORM adds no tenant to its queries: spread tenantScoped.')(entity)]),
    ...keys
      .filter(([first]) => first !== 'tenantId')
      .map((key) => fault(`The key (${key.join(', ')}) does not begin with tenantId: put it first.`)(entity)),
    ...unique.map(({ name }) => fault(`${name} is unique across tenants: use uniques with tenantId first.`)(entity)),
    ...lacks.map(({ name }) =>
      fault(`The policy ${name} is not the common one: keep what tenantScoped brings.`)(entity),
    ),
  ]
}

const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

/** Whether something that a module exports is an entity. */
export const isEntity = (exported: unknown): exported is EntitySchema => exported instanceof EntitySchema
