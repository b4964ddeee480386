import { randomBytes } from 'node:crypto'
import type { TestInstallation } from '@tenantry/control-plane/testing'
import { run } from '../src/program.ts'

export interface Ran {
  code: number
  out: string
  error: string
}

/** Types what follows the name of the program; a text is split at its spaces. */
export async function type(typed: string, environment: NodeJS.ProcessEnv): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', error: '' }
  const terminal = {
    out: (text: string) => {
      ran.out += text
    },
    error: (text: string) => {
      ran.error += text
    },
  }
  ran.code = await run(typed.split(' '), terminal, { LOG_LEVEL: 'silent', ...environment })
  return ran
}

/** As an operator's machine would name a test's installation. */
export function environmentOf({ testDatabase }: TestInstallation): NodeJS.ProcessEnv {
  const { urls, signingKey } = testDatabase
  return {
    DATABASE_URL: urls.tenantry_app,
    PLATFORM_DATABASE_URL: urls.tenantry_platform,
    JOBS_DATABASE_URL: urls.tenantry_jobs,
    MIGRATION_DATABASE_URL: urls.tenantry_owner,
    CONTEXT_SIGNING_KEYS: `${signingKey.kid}:${signingKey.secret.toString('base64')}`,
    ENCRYPTION_KEYS: `e1:${randomBytes(32).toString('base64')}`,
  }
}
