import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { expectedVersion, id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { getTenant, tenantErrors } from '../tenant/contract.ts'

export const lifecycleErrors = defineErrors('tenant', {
  invalid_transition: { kind: 'conflict', message: 'In its present state this cannot be done to the tenant.' },
  has_children: { kind: 'conflict', message: 'Tenants stand below this one. Remove or move them first.' },
})

export const deletionReportErrors = defineErrors('deletion_report', {
  not_found: { kind: 'not_found', message: 'There is no deletion report of this tenant: nothing of it was purged.' },
})

const tags: [string] = ['Tenants']
const reason = text(1, 500).describe('Kept in the audit log; of a suspension and a deletion, callers are told it too')
const input = { tenantId: tenantRef(), expectedVersion: expectedVersion().optional() }

const output = getTenant.output.pick({
  id: true,
  name: true,
  slug: true,
  status: true,
  effectiveStatus: true,
  inactiveAncestorId: true,
  statusReason: true,
  statusUntil: true,
  deleteAfter: true,
  version: true,
  updatedAt: true,
})

export const suspendTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  allowInactive: 'operators',
  audit: 'tenant.suspended',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/suspend',
    summary: 'Suspend a tenant',
    description:
      'Within a second everything but reading the tenant itself is refused, and so it is in every tenant below it, whose own state stays as it is. A job reactivates it in the minute after `until`; up to then it stays suspended. Of a suspended tenant this replaces reason and end; with the same ones it changes nothing.',
    tags,
    versioned: true,
    aliases: [{ method: 'POST', path: '/tenants/{tenantId}/deactivate' }],
  },
  input: z.object({
    ...input,
    reason,
    until: timestamp().optional().describe('When it ends by itself, in the future; without it, never'),
  }),
  output,
  errors: [tenantErrors.concurrent_update, lifecycleErrors.invalid_transition],
})

export const reactivateTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  allowInactive: 'operators',
  audit: 'tenant.reactivated',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/reactivate',
    summary: 'End the suspension of a tenant',
    description:
      'Tenants below it that were suspended themselves stay so; below one that is suspended it acts no more than before, which `effectiveStatus` tells. Of an active tenant this changes nothing; one that is being deleted is restored instead.',
    tags,
    versioned: true,
    aliases: [{ method: 'POST', path: '/tenants/{tenantId}/activate' }],
  },
  input: z.object({ ...input, reason }),
  output,
  errors: [tenantErrors.concurrent_update, lifecycleErrors.invalid_transition],
})

export const removeTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:own',
  allowInactive: 'operators',
  asOperator: true,
  audit: 'tenant.removed',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}',
    summary: 'Delete a tenant',
    description:
      'Within a second it answers no longer. Until `deleteAfter` its data is kept and platform admins can restore it, so nothing is to be confirmed; then all of it is purged, with a deletion report. Only platform admins delete one that is not active; of one that is being deleted already, they change nothing, and nobody one that others stand below.',
    tags,
    versioned: true,
  },
  input: z.object({ ...input, reason: reason.optional() }),
  output,
  errors: [tenantErrors.concurrent_update, lifecycleErrors.has_children],
})

export const restoreTenant = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'platform',
  allowInactive: 'operators',
  audit: 'tenant.restored',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/restore',
    summary: 'Restore a tenant that is being deleted',
    description:
      'Before `deleteAfter`, and not below one that is being deleted. It is back in the state it had: one that was suspended is suspended again.',
    tags,
    versioned: true,
  },
  input: z.object({ ...input, reason }),
  output,
  errors: [tenantErrors.concurrent_update, lifecycleErrors.invalid_transition],
})

const report = z.object({
  tenantId: id('tenant'),
  requestedBy: z.string().describe('The kind of principal and its id; no name, no address'),
  requestedAt: timestamp(),
  deleteAfter: timestamp(),
  startedAt: timestamp(),
  completedAt: timestamp().nullable().describe('null: the purge goes on'),
  tables: z.array(
    z.object({
      table: z.string(),
      counted: integer(0).describe('Rows found when the purge came to the table'),
      deleted: integer(0).describe('More than counted where rows came to it until the end, such as audit entries'),
      left: integer(0).nullable().describe('Counted again at the end, over all tables; null before that'),
    }),
  ),
  hash: z
    .string()
    .nullable()
    .describe('SHA-256 of this report without `hash`, as compact JSON. It stands in the audit entry tenant.purged too'),
})

const reportTags: [string] = ['Platform']

export const getDeletionReport = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/platform/deletion-reports/{tenantId}',
    summary: 'Show the deletion report of a purged tenant',
    tags: reportTags,
  },
  input: z.object({ tenantId: id('tenant') }),
  output: report,
  errors: [deletionReportErrors.not_found],
})

export const listDeletionReports = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/platform/deletion-reports',
    summary: 'List the deletion reports',
    description: 'The purge that began last comes first.',
    tags: reportTags,
  },
  input: z.object({ ...pageInput, cursor: id('tenant').optional() }),
  output: page(report),
})
