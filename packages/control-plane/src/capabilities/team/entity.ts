import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import {
  meteringRead,
  subtreeRead,
  tenantColumns,
  tenantId,
  tenantPolicies,
  tenantScoped,
} from '@tenantry/kernel/tenancy/tenant-table'

export const Team = defineEntity({
  name: 'Team',
  tableName: 'teams',
  ...tenantScoped,
  policies: [...tenantPolicies(), meteringRead, subtreeRead],
  uniques: [{ properties: ['tenantId', 'nameKey'] }],
  properties: {
    ...tenantColumns,
    name: p.string().length(100),
    nameKey: p.text().columnType('text').collation('C').generated('(lower(name::text)) stored').nullable().lazy(),
    version: p.integer().version(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
})
export type Team = InferEntity<typeof Team>

/** Ends with the team, and with the membership of the tenant. */
export const TeamMember = defineEntity({
  name: 'TeamMember',
  tableName: 'team_members',
  ...tenantScoped,
  indexes: [{ properties: ['tenantId', 'userId'] }],
  properties: {
    tenantId: tenantId(),
    teamId: p.uuid().primary(),
    userId: p.uuid().primary(),
    addedAt: p.datetime(),
  },
})
export type TeamMember = InferEntity<typeof TeamMember>
