import { seededUsers } from '@tenantry/control-plane/seeded-people'
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
        'Make what is missing of the demonstration: tenants, their people, usage. What is there stays as it is.',
      examples: [
        ['seed', 'into the embedded database'],
        ['seed --external', 'into the database of DATABASE_URL'],
      ],
    },
    async ({ external = false }) => {
      if (!(await readConfig(surroundings.environment)).embedded && !external) {
        throw new RefusedError('DATABASE_URL is set. Say --external to put the demonstration into that database.')
      }
      await withInstallation(surroundings.environment, async ({ dependencies }) => {
        const { seedDemo } = await import('@tenantry/control-plane/seeds')
        await seedDemo(dependencies)
      })
      const rows = seededUsers.map(({ email, name, says }) => [email, name, says])
      return { text: table(['email', 'name', 'is'], rows), data: { users: seededUsers } }
    },
  ).option('--external', 'seed the database of DATABASE_URL, not an embedded one')
