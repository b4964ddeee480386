import type { InternalCaller } from '@tenantry/control-plane/caller'
import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { namingTenant, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

export const showCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'show <tenant>',
    {
      description:
        'Show every meter of a tenant, named by slug, id or externalId: what is used of which limit, where the limit comes from and until when, and what is granted on top.',
      examples: [
        ['limits show acme', 'with the ids of grants, by which they are revoked'],
        ['limits show acme --json', 'for a program'],
      ],
    },
    async (_, tenant = '') => {
      const data = await namingTenant(tenant, () =>
        withInstallation(surroundings.environment, async (parts) => {
          const { callerIn } = await import('../open-installation.ts')
          await parts.dependencies.services.metering.catalogueRevision()
          return limitsOf(callerIn(parts, tenant))
        }),
      )
      return { text: asText(data), data }
    },
  )

const current = { tenantId: 'current' }

async function limitsOf(caller: InternalCaller) {
  const [{ tier, limits }, { meters }] = [await caller.tenants.limits(), await caller.tenants.usage()]
  const { overrides } = await caller.limits.overrides(current)
  const used = new Map(meters.map((meter) => [meter.meter, meter]))
  const until = new Map(overrides.map(({ meter, expiresAt }) => [meter, expiresAt]))
  return {
    plan: tier,
    meters: limits.map(({ meter, limit, source }) => {
      const standing = used.get(meter)
      const { hardLimit = limit, state = 'ok' } = standing ?? {}
      return { meter, used: standing?.used ?? 0, limit, hardLimit, state, source, until: until.get(meter) ?? null }
    }),
    overrides,
    grants: await grantsOf(caller),
  }
}

async function grantsOf({ limits }: InternalCaller) {
  const page = (cursor?: string) => limits.grants({ ...current, limit: 200, cursor })
  let { items: found, nextCursor } = await page()
  while (nextCursor !== null) {
    const next = await page(nextCursor)
    found = [...found, ...next.items]
    nextCursor = next.nextCursor
  }
  return found
}

const amountOf = (amount: number | null) => (amount === null ? 'unlimited' : String(amount))

function asText({ plan, meters, grants }: Awaited<ReturnType<typeof limitsOf>>): string {
  const rows = meters.map(({ meter, used, limit, hardLimit, state, source, until }) => [
    meter,
    String(used),
    amountOf(limit),
    amountOf(hardLimit),
    state,
    source === 'plan' ? `plan ${plan}` : source,
    until ?? '',
  ])
  const shown = table(['meter', 'used', 'limit', 'hard limit', 'state', 'from', 'until'], rows)
  if (grants.length === 0) return shown
  const granted = grants.map(({ meter, amount, expiresAt, reason, id }) => [
    meter,
    String(amount),
    expiresAt ?? 'never',
    reason,
    id,
  ])
  return `${shown}\n\n${table(['granted', 'amount', 'expires', 'reason', 'id'], granted)}`
}
