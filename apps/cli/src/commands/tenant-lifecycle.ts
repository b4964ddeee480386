import { purgeTenant } from '@tenantry/control-plane/capabilities/lifecycle/index'
import { ConfigurationError } from '@tenantry/installation/environment'
import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { callerIn, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

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

export const suspendCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ reason: string; until?: string }>(
    { environment, ...surroundings },
    'suspend <tenant>',
    {
      description:
        'Suspend a tenant, named by slug, id or externalId: within a second its keys, sessions and jobs are refused, and those of every tenant below it.',
      examples: [
        ['tenant suspend acme --reason "Invoice 2041 is unpaid."', 'until it is reactivated'],
        ['tenant suspend acme --reason Maintenance --until 2027-01-01T00:00:00Z', 'ends by itself'],
      ],
    },
    async ({ reason, until }, tenant = '') =>
      told(
        await withInstallation(environment, (parts) =>
          callerIn(parts, tenant).tenants.suspend({ tenantId: 'current', reason, until }),
        ),
      ),
  )
    .requiredOption(...reasonOption)
    .option('--until <time>', 'when it ends by itself, in ISO 8601; without it, never')

export const reactivateCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    { environment, ...surroundings },
    'reactivate <tenant>',
    {
      description: 'End the suspension of a tenant. Tenants below it that were suspended themselves stay so.',
      examples: [['tenant reactivate acme --reason "Invoice 2041 was paid."', 'it is served again within a second']],
    },
    async ({ reason }, tenant = '') =>
      told(
        await withInstallation(environment, (parts) =>
          callerIn(parts, tenant).tenants.reactivate({ tenantId: 'current', reason }),
        ),
      ),
  ).requiredOption(...reasonOption)

export const deleteCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ reason?: string }>(
    { environment, ...surroundings },
    'delete <tenant>',
    {
      description:
        'Delete a tenant: within a second it answers no longer. It can be restored for DELETION_RETENTION_DAYS, then all its rows are purged.',
      examples: [['tenant delete acme --reason "The contract ended."', 'says until when it can be restored']],
    },
    async ({ reason }, tenant = '') =>
      told(
        await withInstallation(environment, (parts) =>
          callerIn(parts, tenant).tenants.remove({ tenantId: 'current', reason }),
        ),
      ),
  ).option(...reasonOption)

export const restoreCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    { environment, ...surroundings },
    'restore <tenant>',
    {
      description: 'Restore a tenant that was deleted and not purged yet, to the state that it had.',
      examples: [['tenant restore acme --reason "Deleted by mistake."', 'one that was suspended is suspended again']],
    },
    async ({ reason }, tenant = '') =>
      told(
        await withInstallation(environment, (parts) =>
          callerIn(parts, tenant).tenants.restore({ tenantId: 'current', reason }),
        ),
      ),
  ).requiredOption(...reasonOption)

export const purgeCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand(
    { environment, ...surroundings },
    'purge <tenant>',
    {
      description:
        'Purge a deleted tenant that can be restored no longer, now instead of within the hour, and show the deletion report. Before that it purges nothing. Exit code 1 where a row is left.',
      examples: [['tenant purge acme --json > deletion-report.json', 'the report, to be kept']],
    },
    async (_, tenant = '') => {
      const report = await withInstallation(environment, async (parts) => {
        const { id, status, deleteAfter } = await callerIn(parts, tenant).tenants.get({ tenantId: 'current' })
        const outcome = await purgeTenant(parts.dependencies, id)
        if (outcome !== 'purged') {
          const when = deleteAfter ? `it can be restored until ${deleteAfter}` : `it is ${status}; delete it first`
          throw new ConfigurationError(`Nothing was purged of ${tenant}: ${when}.`)
        }
        return callerIn(parts).deletionReports.get({ tenantId: id })
      })
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
