import { AppError } from '@tenantry/kernel/errors/app-error'
import type { Command } from 'commander'
import { commandGroup, defineCommand, type Surroundings, UsageError } from '../command.ts'
import { operate } from '../installation.ts'
import { decideCommand, requestsCommand } from './limits-requested.ts'
import { showCommand } from './limits-shown.ts'

const contract = () => import('@tenantry/control-plane/capabilities/limit/contract')

export const limitsCommand = (surroundings: Surroundings): Command =>
  commandGroup('limits', 'Show, set and grant the limits of a tenant, and decide on those that tenants ask for.', [
    showCommand(surroundings),
    setCommand(surroundings),
    grantCommand(surroundings),
    revokeCommand(surroundings),
    requestsCommand(surroundings),
    decideCommand(surroundings),
  ])

const underCatalogue = true
const reasonOption = ['--reason <text>', 'why; it stands in the audit log'] as const
const endOption = ['--expires-at <time>', 'when it ends, in ISO 8601; without it, never'] as const
const until = (end: string | null | undefined) => (end ? ` until ${end}` : '')

interface Given {
  reason: string
  expiresAt?: string
}

const setCommand = (surroundings: Surroundings): Command =>
  defineCommand<Given>(
    surroundings,
    'set <tenant> <meter> <value>',
    {
      description:
        'Set a limit in place of what the plan allows, without grace: a number, “unlimited”, or “plan” to take it away again. It holds at once; what is granted comes on top.',
      examples: [
        ['limits set acme tokens 5000000 --reason "The contract of May."', 'storage is told in bytes'],
        ['limits set acme tokens unlimited --reason Migration --expires-at 2027-01-01T00:00:00Z', 'ends by itself'],
        ['limits set acme tokens plan --reason "The contract ended."', 'what the plan allows again'],
      ],
    },
    async ({ reason, expiresAt }, tenant = '', meter = '', typed = '') => {
      const operation = async () => (await contract()).setLimitOverrides
      const override = overrideOf(typed, expiresAt)
      const input = { overrides: { [meter]: override }, reason }
      const data = await namingTyped(meter, () =>
        operate(surroundings, { operation, tenant, input, underCatalogue }, (caller, checked) =>
          caller.limits.setOverrides(checked),
        ),
      )
      const held = override && `${typed}${until(expiresAt)}, in place of the plan`
      return { text: `${meter} of ${tenant} is ${held ?? 'what the plan allows'}.`, data }
    },
  )
    .requiredOption(...reasonOption)
    .option(...endOption)

/** Null is what the plan allows. */
function overrideOf(typed: string, expiresAt: string | undefined) {
  if (typed === 'plan') {
    if (expiresAt !== undefined) throw new UsageError('--expires-at', 'What the plan allows does not end.')
    return null
  }
  if (typed === 'unlimited') return { value: typed, expiresAt } as const
  if (!/^\d+$/.test(typed))
    throw new UsageError('<value>', `Expected a whole number, unlimited or plan, not “${typed}”.`)
  return { value: Number(typed), expiresAt }
}

/** The operation sets many, each named by its meter; here one was typed. */
async function namingTyped<Result>(meter: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.details.issues === undefined) throw error
    const { requestErrors } = await import('@tenantry/kernel/contract/errors')
    const prefix = `overrides.${meter}`
    const issues = error.details.issues.map(({ path, message }) => ({
      path: path.startsWith(prefix) ? path.slice(prefix.length + 1) || 'meter' : path,
      message,
    }))
    throw requestErrors.invalid({ issues })
  }
}

const grantCommand = (surroundings: Surroundings): Command =>
  defineCommand<Given>(
    surroundings,
    'grant <tenant> <meter> <amount>',
    {
      description:
        'Grant more of a meter, on top of what the plan or a limit that was set allows, in every period until it ends. Grants add up.',
      examples: [
        ['limits grant acme tokens 500000 --reason "For the launch." --expires-at 2027-01-01T00:00:00Z', 'until then'],
        ['limits grant acme teams 2 --reason Agreed', 'for good'],
      ],
    },
    async (given, tenant = '', meter = '', amount = '') => {
      const operation = async () => (await contract()).grantLimit
      const input = { ...given, meter, amount: Number(amount) }
      const data = await operate(surroundings, { operation, tenant, input, underCatalogue }, (caller, checked) =>
        caller.limits.grant(checked),
      )
      return { text: `Granted ${data.amount} of ${meter} to ${tenant}${until(data.expiresAt)} (${data.id}).`, data }
    },
  )
    .requiredOption(...reasonOption)
    .option(...endOption)

const revokeCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'revoke <tenant> <grant>',
    {
      description: 'Take a grant back, named by its id. Where more is used than is then allowed, the meter is blocked.',
      examples: [['limits revoke acme 01a1fe4a-e164-70a4-95ad-ed4d6a233a17', 'the id is that of limits show']],
    },
    async (_, tenant = '', grantId = '') => {
      const operation = async () => (await contract()).revokeLimitGrant
      const data = await operate(
        surroundings,
        { operation, tenant, input: { grantId }, underCatalogue },
        (caller, checked) => caller.limits.revokeGrant(checked),
      )
      return { text: `Revoked ${data.id}.`, data }
    },
  )
