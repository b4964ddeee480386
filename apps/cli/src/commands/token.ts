import { resolve } from 'node:path'
import { developmentIssuerName, seededOperator, seededUsers } from '@tenantry/control-plane/seeds'
import { findDevelopmentKey } from '@tenantry/installation/embedded-keys'
import { ConfigurationError } from '@tenantry/installation/environment'
import { createDevelopmentIssuer } from '@tenantry/kernel/authentication/development-issuer'
import { systemClock } from '@tenantry/kernel/context/clock'
import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
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
      const token = await sign(readConfig(surroundings.environment), email)
      return { text: token, data: { email, token } }
    },
  )

async function sign(config: Config, email: string): Promise<string> {
  if (!config.developmentTokens) {
    throw new ConfigurationError(
      'The built-in issuer exists with the embedded database only, without DATABASE_URL and OIDC_ISSUER. Get a token from your issuer.',
    )
  }
  if (!/^\S+@\S+$/.test(email)) throw new ConfigurationError(`Expected an e-mail address, not “${email}”.`)
  const folder = resolve(config.DATA_DIR)
  const key = await findDevelopmentKey(folder)
  if (key === null)
    throw new ConfigurationError(`There is no installation in ${folder}. Make one with pnpm start, or set DATA_DIR.`)
  const issuer = createDevelopmentIssuer({
    issuer: developmentIssuerName,
    audience: 'tenantry',
    key,
    clock: systemClock,
  })
  const name = seededUsers.find((user) => user.email === email)?.name
  return issuer.sign({ email, platformAdmin: email === seededOperator, ...(name === undefined ? {} : { name }) })
}
