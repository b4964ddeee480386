import { resolve } from 'node:path'
import { seededOperator, seededUsers } from '@tenantry/control-plane/seeded-people'
import type { Command } from 'commander'
import { defineCommand, RefusedError, type Surroundings, UsageError } from '../command.ts'
import { type Config, readConfig } from '../config.ts'

export const tokenCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'token <email>',
    {
      description: `Sign a development token for eight hours, for any email; that of ${seededOperator} is a platform admin. Only with the embedded database and its built-in issuer.`,
      examples: [
        ['token admin@acme.test', 'an admin of the demonstration'],
        [`token ${seededOperator}`, 'a platform admin'],
      ],
    },
    async (_, given = '') => {
      const email = given.trim().toLowerCase()
      if (!/^\S+@\S+$/.test(email)) throw new UsageError('<email>', `Expected an e-mail address, not “${email}”.`)
      const token = await sign(await readConfig(surroundings.environment), email)
      return { text: token, data: { email, token } }
    },
  )

async function sign(config: Config, email: string): Promise<string> {
  if (!config.developmentTokens) {
    throw new RefusedError(
      'The built-in issuer exists with the embedded database only, without DATABASE_URL and OIDC_ISSUER. Get a token from your issuer.',
    )
  }
  const { developmentIssuerName } = await import('@tenantry/control-plane/seeds')
  const { findDevelopmentKey } = await import('@tenantry/installation/embedded-keys')
  const { createDevelopmentIssuer } = await import('@tenantry/kernel/authentication/development-issuer')
  const { systemClock } = await import('@tenantry/kernel/context/clock')
  const folder = resolve(config.DATA_DIR)
  const key = await findDevelopmentKey(folder)
  if (key === null)
    throw new RefusedError(`There is no installation in ${folder}. Make one with pnpm start, or set DATA_DIR.`)
  const issuer = createDevelopmentIssuer({
    issuer: developmentIssuerName,
    audience: 'tenantry',
    key,
    clock: systemClock,
  })
  const name = seededUsers.find((user) => user.email === email)?.name
  return issuer.sign({ email, platformAdmin: email === seededOperator, ...(name === undefined ? {} : { name }) })
}
