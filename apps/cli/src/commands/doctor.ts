import type { IsolationReport } from '@tenantry/control-plane/capabilities/isolation/index'
import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { withInstallation } from '../installation.ts'

export const doctorCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'doctor',
    {
      description:
        'Prove that tenants are kept apart: compare the live database with the code, try to reach across two throw-away tenants, and look at the health of the database. It changes nothing. With MIGRATION_DATABASE_URL it sees what an operator alone cannot. Exit code 1 where a check fails.',
      examples: [
        ['doctor', 'every check, and what to do where one fails'],
        ['doctor --json > isolation.json', 'the report, to be kept'],
      ],
    },
    async () => {
      const report = await withInstallation(surroundings.environment, async ({ dependencies, storage }) => {
        const { ownersView } = await import('@tenantry/control-plane/inspection')
        const { cli } = await import('../open-installation.ts')
        const owner = storage.ownerUrl === null ? undefined : await ownersView(storage.ownerUrl)
        return dependencies.services.isolation.examine(cli, owner)
      })
      return { text: textOf(report), data: report, failed: report.outcome === 'fail' }
    },
  )

const signs = { pass: 'pass', warning: 'WARN', fail: 'FAIL', skipped: 'skip' } as const

function textOf({ attestation, checks }: IsolationReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const indent = ' '.repeat(width + 8)
  const lines = checks.flatMap(({ name, outcome, promise, found, findings }) => [
    `${signs[outcome]}  ${name.padEnd(width)}  ${promise}`,
    ...(outcome === 'pass' && found === 'As declared.' ? [] : [`${indent}${found}`]),
    ...findings.map(({ subject, message }) => `${indent}${subject}: ${message}`),
  ])
  return [...lines, '', attestation.statement].join('\n')
}
