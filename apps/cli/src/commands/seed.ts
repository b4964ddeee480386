import type { Command } from 'commander'
import { defineCommand, RefusedError, type Surroundings } from '../command.ts'
import { readConfig } from '../config.ts'
import { withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

export const seedCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ external?: boolean }>(
    surroundings,
    'seed',
    {
      description:
        'Make what is missing of the demonstration: tenants, each with its people, and usage. What is there stays as it is, and who left does not come back.',
      examples: [
        ['seed', 'into the embedded database'],
        ['seed --external', 'into the database of DATABASE_URL'],
      ],
    },
    async ({ external = false }) => {
      if (!(await readConfig(surroundings.environment)).embedded && !external) {
        throw new RefusedError('DATABASE_URL is set. Say --external to put the demonstration into that database.')
      }
      const users = await withInstallation(surroundings.environment, async ({ dependencies }) => {
        const { demoPeople, seedDemo } = await import('@tenantry/control-plane/seeds')
        await seedDemo(dependencies)
        return demoPeople(dependencies)
      })
      const rows = users.map(({ email, name, says }) => [email, name, says])
      return { text: table(['email', 'name', 'is'], rows), data: { users } }
    },
  ).option('--external', 'seed the database of DATABASE_URL, not an embedded one')
