import { defineErrors, serviceErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { idPageInput, page } from '@tenantry/kernel/contract/page'
import { id, integer, rawText, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { limitErrors } from '../limit/contract.ts'
import { usageErrors } from '../usage/contract.ts'

export const runErrors = defineErrors('run', {
  not_found: { kind: 'not_found', message: 'There is no such run in this tenant.' },
  lease_lost: { kind: 'conflict', message: 'The lease of this run has ended, and no slot is free.' },
  already_ended: { kind: 'conflict', message: 'This run has ended already.' },
})

const tags: [string] = ['Usage']
const state = z.enum(['running', 'succeeded', 'failed', 'cancelled', 'not_started', 'lost'])
const workload = text(1, 200).describe('What is run: the name of a pipeline, a job or a schedule')
const largestParameters = 16_384
const mostLevels = 20

/** Kept as they came. Described as any JSON: a schema that names itself is of little help to those who generate clients. */
const parameters = z
  .record(rawText(100), z.unknown())
  .refine((value) => isStorable(value), {
    error: `Expected JSON of at most ${mostLevels} levels, in well-formed Unicode without NUL.`,
    abort: true,
  })
  .refine((value) => JSON.stringify(value).length <= largestParameters, `Expected at most ${largestParameters} bytes.`)

function isStorable(value: unknown, level = 0): boolean {
  const isInnerStorable = (inner: unknown) => isStorable(inner, level + 1)
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || typeof value === 'boolean') return true
  if (level >= mostLevels) return false
  if (Array.isArray(value)) return value.every(isInnerStorable)
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return false
  return Object.entries(value).every((entry) => entry.every(isInnerStorable))
}

const run = z.object({
  id: id('run'),
  workload: z.string(),
  parameters: parameters.nullable(),
  state: state.describe('`lost` once the lease has ended without a word of its holder'),
  idempotencyKey: z.string().nullable(),
  startedAt: timestamp(),
  leaseSeconds: integer(1),
  leaseExpiresAt: timestamp().nullable().describe('Until then it holds its slot; null where it holds none'),
  endedAt: timestamp().nullable(),
})

const writing = {
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'runs:write',
  rateLimit: 'usage',
  audit: { none: 'runs are a ledger of their own' },
} as const

export const startRun = defineOperation({
  ...writing,
  idempotency: 'event',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/runs',
    summary: 'Start a run, or be told which limit is in the way',
    description:
      'Takes one of `pipeline_runs` and holds one slot of `concurrent_pipelines`, both or neither. The slot is leased: renew it by heartbeats, at a third of `leaseSeconds`; without them it is free again when the lease ends. The same key answers the same run: the Idempotency-Key header or `idempotencyKey`.',
    tags,
    successStatus: 201,
  },
  input: z.object({
    tenantId: tenantRef(),
    workload,
    parameters: parameters.optional(),
    leaseSeconds: integer(10, 3_600).default(60).describe('How long the slot is held without a heartbeat'),
    idempotencyKey: z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, 'Expected 1 to 255 visible ASCII characters.')
      .optional(),
  }),
  output: run.extend({ replayed: z.boolean().describe('Whether this key had started it before') }),
  errors: [
    limitErrors.limit_exceeded,
    usageErrors.unknown_meter,
    usageErrors.idempotency_conflict,
    serviceErrors.overloaded,
  ],
})

export const heartbeatRun = defineOperation({
  ...writing,
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/runs/{runId}/heartbeat',
    summary: 'Renew the lease of a run',
    description: 'After its lease has ended, it has a slot again if one is free.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), runId: id('run') }),
  output: run,
  errors: [runErrors.not_found, runErrors.lease_lost, runErrors.already_ended, serviceErrors.overloaded],
})

export const completeRun = defineOperation({
  ...writing,
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/runs/{runId}/complete',
    summary: 'End a run, and free its slot',
    description:
      'Also after its lease has ended. `not_started` gives back what it took of `pipeline_runs` too. The same outcome again answers the same.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    runId: id('run'),
    outcome: z.enum(['succeeded', 'failed', 'cancelled', 'not_started']),
  }),
  output: run,
  errors: [runErrors.not_found, runErrors.already_ended, serviceErrors.overloaded],
})

const reading = { unitOfWork: 'tenant', type: 'query', permission: 'usage:read' } as const
const total = integer(0)

export const listRuns = defineOperation({
  ...reading,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/runs',
    summary: 'List runs, with the counts of all there were',
    description: 'The newest first; runs are kept for 400 days after they ended, and the counts for good.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), ...idPageInput, state: state.optional(), workload: workload.optional() }),
  output: page(run).extend({
    totals: z
      .object({
        started: total,
        running: total.describe('Now'),
        succeeded: total,
        failed: total,
        cancelled: total,
        notStarted: total,
        lost: total,
      })
      .describe('Of all workloads, for life'),
    lastRunAt: timestamp().nullable().describe('When the last one was started'),
  }),
})

export const getRun = defineOperation({
  ...reading,
  rest: { method: 'GET', path: '/tenants/{tenantId}/runs/{runId}', summary: 'Show a run', tags },
  input: z.object({ tenantId: tenantRef(), runId: id('run') }),
  output: run,
  errors: [runErrors.not_found],
})
