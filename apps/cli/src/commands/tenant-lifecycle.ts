import type { InstallationParts } from '@tenantry/installation/open'
import type { Command } from 'commander'
import { defineCommand, RefusedError, type Surroundings } from '../command.ts'
import { namingTenant, operate, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/lifecycle/contract')

interface Changed {
  slug: string
  status: string
  statusUntil: string | null
  deleteAfter: string | null
}

const told = (tenant: Changed) => {
  const { slug, status, statusUntil, deleteAfter } = tenant
  const end = deleteAfter ? `, to be restored until ${deleteAfter}` : statusUntil ? `, until ${statusUntil}` : ''
  return { text: `${slug} is ${status}${end}.`, data: tenant }
}

const reasonOption = ['--reason <text>', 'why; it stands in the audit log, and callers are told it'] as const

export const suspendCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string; until?: string }>(
    surroundings,
    'suspend <tenant>',
    {
      description:
        'Suspend a tenant, named by slug, id or externalId: within a second its keys, sessions and jobs are refused, and those of every tenant below it.',
      examples: [
        ['tenant suspend acme --reason "Invoice 2041 is unpaid."', 'until it is reactivated'],
        ['tenant suspend acme --reason Maintenance --until 2027-01-01T00:00:00Z', 'ends by itself'],
      ],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).suspendTenant
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) => caller.tenants.suspend(checked)),
      )
    },
  )
    .requiredOption(...reasonOption)
    .option('--until <time>', 'when it ends by itself, in ISO 8601; without it, never')

export const reactivateCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    surroundings,
    'reactivate <tenant>',
    {
      description: 'End the suspension of a tenant. Tenants below it that were suspended themselves stay so.',
      examples: [['tenant reactivate acme --reason "Invoice 2041 was paid."', 'it is served again within a second']],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).reactivateTenant
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
          caller.tenants.reactivate(checked),
        ),
      )
    },
  ).requiredOption(...reasonOption)

export const deleteCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason?: string }>(
    surroundings,
    'delete <tenant>',
    {
      description:
        'Delete a tenant: within a second it answers no longer. It can be restored for DELETION_RETENTION_DAYS, then all its rows are purged.',
      examples: [['tenant delete acme --reason "The contract ended."', 'says until when it can be restored']],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).removeTenant
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) => caller.tenants.remove(checked)),
      )
    },
  ).option(...reasonOption)

export const restoreCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    surroundings,
    'restore <tenant>',
    {
      description: 'Restore a tenant that was deleted and not purged yet, to the state that it had.',
      examples: [['tenant restore acme --reason "Deleted by mistake."', 'one that was suspended is suspended again']],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).restoreTenant
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) => caller.tenants.restore(checked)),
      )
    },
  ).requiredOption(...reasonOption)

export const purgeCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'purge <tenant>',
    {
      description:
        'Purge a deleted tenant that can be restored no longer, now instead of within the hour, and show the deletion report. Before that it purges nothing. Exit code 1 where a row is left.',
      examples: [['tenant purge acme --json > deletion-report.json', 'the report, to be kept']],
    },
    async (_, tenant = '') => {
      const report = await namingTenant(tenant, () =>
        withInstallation(surroundings.environment, (parts) => purge(parts, tenant)),
      )
      const rows = report.tables.map(({ table: name, counted, deleted, left }) => [
        name,
        String(counted),
        String(deleted),
        String(left ?? ''),
      ])
      const failed = report.tables.some(({ left }) => left !== 0)
      return { text: table(['table', 'counted', 'deleted', 'left'], rows), data: report, failed }
    },
  )

async function purge(parts: InstallationParts, tenant: string) {
  const { purgeTenant } = await import('@tenantry/control-plane/capabilities/lifecycle/index')
  const { callerIn } = await import('../open-installation.ts')
  const { id, status, deleteAfter } = await callerIn(parts, tenant).tenants.get({ tenantId: 'current' })
  const outcome = await purgeTenant(parts.dependencies, id)
  if (outcome !== 'purged') {
    const when = deleteAfter ? `it can be restored until ${deleteAfter}` : `it is ${status}; delete it first`
    throw new RefusedError(`Nothing was purged of ${tenant}: ${when}.`)
  }
  return callerIn(parts).deletionReports.get({ tenantId: id })
}
