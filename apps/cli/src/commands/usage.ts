import type { MigratedTenant, migrateUsage } from '@tenantry/control-plane/capabilities/reconciliation/contract'
import { type Command, Option } from 'commander'
import type { z } from 'zod'
import { BrokenOffError, commandGroup, defineCommand, type Shown, type Surroundings } from '../command.ts'
import { check, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/reconciliation/contract')

export const usageCommand = (surroundings: Surroundings): Command =>
  commandGroup('usage', 'Bring the usage of existing tenants up to what their data says, and look for drift.', [
    migrateCommand(surroundings),
    reconcileCommand(surroundings),
  ])

interface Which {
  tenant?: string[]
  cursor?: string
}

const selecting = (command: Command): Command =>
  command
    .option('--tenant <tenant...>', 'only these, by slug, id or externalId; without it, all')
    .addOption(new Option('--cursor <cursor>', 'go on where a run that was broken off had come to').conflicts('tenant'))

const migrateCommand = (surroundings: Surroundings): Command =>
  selecting(
    defineCommand<Which & { dryRun?: boolean }>(
      surroundings,
      'migrate',
      {
        description:
          'Make the limits of existing tenants, and bring their usage up to what the tables say that the plan catalogue names as sources, or else their events. What differs is corrected once: a second run changes nothing. A service may run meanwhile. Exit code 1 where a tenant failed or a source was refused.',
        examples: [
          ['usage migrate --dry-run', 'what it would correct'],
          ['usage migrate', 'all tenants, and how far it has come'],
          ['usage migrate --tenant acme globex', 'these two'],
        ],
      },
      async ({ dryRun = false, ...which }) => {
        const walked = await walk(surroundings, which, dryRun)
        return shown(walked, walked.refused.length > 0 || walked.counts.failed > 0)
      },
    ),
  ).option('--dry-run', 'tell what drifts, and change nothing')

const reconcileCommand = (surroundings: Surroundings): Command =>
  selecting(
    defineCommand<Which>(
      surroundings,
      'reconcile',
      {
        description:
          'Compare the usage of tenants with what their data says, and change nothing. Exit code 1 where some of it drifts, a tenant failed or a source was refused.',
        examples: [
          ['usage reconcile', 'what drifts, of all tenants'],
          ['usage reconcile --tenant acme --json', 'every meter of one tenant'],
        ],
      },
      async (which) => {
        const walked = await walk(surroundings, which, true)
        return shown(walked, walked.refused.length > 0 || walked.counts.failed + walked.counts.drifts > 0)
      },
    ),
  )

interface Walked extends Pick<z.output<typeof migrateUsage.output>, 'refused' | 'tenants'> {
  counts: Record<MigratedTenant['outcome'], number>
}

const tenantsAtOnce = 100

/** Page after page, telling after each how to go on from there. Throws what was walked with what broke it off. */
async function walk({ environment, note }: Surroundings, { tenant, cursor }: Which, dryRun: boolean): Promise<Walked> {
  const pages = pagesOf(tenant, cursor)
  for (const page of pages) await check((await contract()).migrateUsage.input, { ...page, dryRun })
  return withInstallation(environment, async (parts) => {
    const { callerIn } = await import('../open-installation.ts')
    const { usage } = callerIn(parts)
    const walked: Walked = { counts: { unchanged: 0, corrected: 0, drifts: 0, failed: 0 }, refused: [], tenants: [] }
    const take = async (page: Page) => {
      const { refused, tenants, nextCursor } = await usage.migrate({ ...page, dryRun })
      walked.refused = refused
      walked.tenants.push(...tenants)
      for (const { outcome } of tenants) walked.counts[outcome] += 1
      note(`${summaryOf(walked)}${nextCursor === null ? '' : ` To go on from here: --cursor ${nextCursor}`}`)
      return nextCursor
    }
    try {
      for (const page of pages) {
        let next = await take(page)
        while (next !== null) next = await take({ cursor: next })
      }
    } catch (error) {
      throw walked.tenants.length === 0 ? error : new BrokenOffError(shown(walked, true), error)
    }
    return walked
  })
}

type Page = Pick<z.input<typeof migrateUsage.input>, 'tenantIds' | 'cursor'>

/** The tenants that are named, or the first page of all. */
function pagesOf(tenant: readonly string[] | undefined, cursor: string | undefined): Page[] {
  if (tenant === undefined) return [{ cursor }]
  const count = Math.ceil(tenant.length / tenantsAtOnce)
  return Array.from({ length: count }, (_, page) => ({
    tenantIds: tenant.slice(page * tenantsAtOnce, (page + 1) * tenantsAtOnce),
  }))
}

function summaryOf({ counts, tenants }: Walked): string {
  const told = Object.entries(counts).filter(([, count]) => count > 0)
  return `${tenants.length} tenants: ${told.map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'none'}.`
}

function shown(walked: Walked, failed: boolean): Shown {
  const { refused, tenants, counts } = walked
  const rows = tenants.flatMap(({ tenantId, slug, meters }) =>
    meters
      .filter(({ drift }) => drift !== 0)
      .map(({ meter, comparedWith, before, after, drift, limit, state }) => [
        slug ?? tenantId,
        meter,
        comparedWith ?? '',
        ...[before, after, drift, limit ?? 'unlimited'].map(String),
        state,
      ]),
  )
  const lines = [
    ...refused.map(({ meter, reason }) => `${meter} was left alone: ${reason}`),
    ...tenants.flatMap(({ tenantId, slug, errors }) =>
      errors.map(({ meter, message, code }) => {
        const failed = meter === null ? (slug ?? tenantId) : `${slug ?? tenantId}, ${meter}`
        return `${failed} failed: ${message} (${code})`
      }),
    ),
  ]
  const names = ['tenant', 'meter', 'compared with', 'before', 'after', 'drift', 'limit', 'state']
  const text = [table(names, rows), ...(lines.length === 0 ? [] : ['', ...lines]), '', summaryOf(walked)].join('\n')
  return { text, data: { counts, refused, tenants }, failed }
}
