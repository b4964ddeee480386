import { defineOperation } from '@tenantry/kernel/contract/operation'
import { integer, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

const outcome = z.enum(['pass', 'warning', 'fail', 'skipped'])

export const isolationReport = z.object({
  outcome: z.enum(['pass', 'warning', 'fail']).describe('The worst of the checks'),
  attestation: z.object({
    at: timestamp(),
    version: z.string().describe('Of Tenantry'),
    codeFingerprint: z.string().describe('SHA-256 of what the code declares of the database'),
    database: z.object({
      id: z.string().describe('Identifier of the server, and of the database in it'),
      name: z.string(),
      serverVersion: z.string(),
    }),
    statement: z.string().describe('The whole in one sentence'),
  }),
  counts: z.object({ pass: integer(0), warning: integer(0), fail: integer(0), skipped: integer(0) }),
  examined: z
    .object({
      tables: integer(0),
      policies: integer(0),
      foreignKeys: integer(0),
      functions: integer(0),
      roles: integer(0),
      canaryAttempts: integer(0).describe('Reads and writes across tenants that were tried'),
      canaryHidden: integer(0).describe('Those that had a row before them and saw nothing of it'),
      canaryRefused: integer(0).describe('Those that a policy refused; the others found no row, or lack a grant'),
    })
    .describe('How much was looked at'),
  checks: z.array(
    z.object({
      name: z.string(),
      promise: z.string().describe('What holds where the check passes'),
      outcome,
      found: z.string(),
      findings: z.array(
        z.object({
          subject: z.string().describe('What is not as it must be: `table tenantry.memberships`'),
          message: z.string().describe('What is wrong, and what to do about it'),
          severity: z.enum(['warning', 'failure']),
        }),
      ),
    }),
  ),
})

export const getIsolation = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/platform/isolation',
    summary: 'Prove the isolation of tenants',
    description:
      "Compares the live database with what this version's code declares, releases a canary across two throw-away tenants that are taken back, and looks at the health of the database. For platform admins.",
    tags: ['Platform'],
  },
  input: z.object({}),
  output: isolationReport,
})
