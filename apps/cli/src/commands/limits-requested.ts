import type { Command } from 'commander'
import { defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { namingTenant, operate } from '../installation.ts'
import { pageOfTable } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/limit-request/contract')
const someRequest = '01a1fe4a-e164-70a4-95ad-ed4d6a233a17'

export const requestsCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<Paging & { state?: string }>(
      surroundings,
      'requests [tenant]',
      {
        description:
          'List the limits that all tenants asked for, or the one that is named by slug, id or externalId, the newest first.',
        examples: [
          ['limits requests --state open', 'what waits for a decision, with the ids to decide by'],
          ['limits requests acme', 'all that one tenant asked for'],
        ],
      },
      async (options, tenant) => {
        const operation = async () => (await contract()).listAllLimitRequests
        const input = { ...options, ...pageOf(options), tenantId: tenant }
        const list = () =>
          operate(surroundings, { operation, input, underCatalogue: true }, (caller, checked) =>
            caller.limits.allRequests(checked),
          )
        const page = await (tenant === undefined ? list() : namingTenant(tenant, list))
        const rows = page.items.map(({ tenant: { slug }, meter, value, currentLimit, ...asked }) => [
          slug,
          meter,
          String(value ?? 'unlimited'),
          String(currentLimit ?? 'unlimited'),
          asked.state,
          asked.createdAt,
          asked.reason,
          asked.id,
        ])
        const names = ['tenant', 'meter', 'asked for', 'allowed now', 'state', 'asked', 'reason', 'id']
        return { text: pageOfTable(names, rows, page), data: page }
      },
    ).option('--state <state>', 'open, approved or declined; without it, all'),
  )

export const decideCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    surroundings,
    'decide <tenant> <request> <decision>',
    {
      description:
        'Decide on a request, named by its id: “approved” or “declined”. What is approved holds at once, in place of what the plan allows; it is refused where no less is allowed by now. Who asked is mailed the decision with its reason.',
      examples: [
        [`limits decide acme ${someRequest} approved --reason "As agreed."`, 'the id is that of limits requests'],
        [`limits decide acme ${someRequest} declined --reason "Pro includes it."`, 'nothing changes'],
      ],
    },
    async ({ reason }, tenant = '', requestId = '', decision = '') => {
      const operation = async () => (await contract()).decideLimitRequest
      const input = { requestId, decision, reason }
      const data = await operate(surroundings, { operation, tenant, input, underCatalogue: true }, (caller, checked) =>
        caller.limits.decide(checked),
      )
      const holds = data.state === 'approved' ? ` ${data.value ?? 'Unlimited'} holds from now on.` : ''
      const text = `The request of ${tenant} for ${data.meter} is ${data.state}.${holds} A running service sends the mail.`
      return { text, data }
    },
  ).requiredOption('--reason <text>', 'why; it is mailed to who asked, and stands in the audit log')
