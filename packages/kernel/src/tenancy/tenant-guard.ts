import type { EventArgs, EventSubscriber } from '@mikro-orm/core'

/** Level one for writes: a row of another tenant than the bound one is refused before there is any SQL. */
function refuseForeignRow({ entity, em, meta }: EventArgs<Record<string, unknown>>): void {
  if (!meta.filters?.tenant) return
  const bound = em.getFilterParams('tenant') as { tenantId: string | null } | undefined
  if (!bound) throw new Error('A tenant entity was written outside of a unit of work')
  const tenantId = 'tenantId' in meta.properties ? entity.tenantId : entity.id
  if (bound.tenantId !== null && tenantId !== bound.tenantId) {
    throw new Error(`${meta.className}: the row belongs to another tenant than the unit of work`)
  }
}

export const tenantGuard: EventSubscriber = {
  beforeCreate: refuseForeignRow,
  beforeUpdate: refuseForeignRow,
  beforeUpsert: refuseForeignRow,
  beforeDelete: refuseForeignRow,
}
