import { ConfigurationError } from '@tenantry/installation/environment'
import { withInstallationLock } from '@tenantry/kernel/tenancy/advisory-lock'
import { createDatabase, provisionDatabase, provisionRoles } from '@tenantry/kernel/tenancy/provision'
import type { RolePasswords } from '@tenantry/kernel/tenancy/roles'
import { readCommandConfig } from './config.ts'
import { runCommand } from './run-command.ts'

const roleOf = {
  MIGRATION_DATABASE_URL: 'tenantry_owner',
  DATABASE_URL: 'tenantry_app',
  PLATFORM_DATABASE_URL: 'tenantry_platform',
  JOBS_DATABASE_URL: 'tenantry_jobs',
} as const
type RoleVariable = keyof typeof roleOf

const roleVariables = Object.keys(roleOf) as RoleVariable[]

await runCommand(async () => {
  const urls = readCommandConfig('provision')
  const adminUrl = urls.ADMIN_DATABASE_URL
  const passwords = passwordsIn(urls)
  const name = databaseIn(urls.MIGRATION_DATABASE_URL)
  return withInstallationLock(adminUrl, async () => {
    await provisionRoles(adminUrl, passwords)
    const created = await createDatabase(adminUrl, name)
    await provisionDatabase(inDatabase(adminUrl, name))
    return [
      `The roles have the passwords of their URLs: ${Object.keys(passwords).join(', ')}.`,
      `The database ${name} ${created ? 'was created' : 'was there already'}; its schemas and rights are in place.`,
      'Next: pnpm migrate.',
    ]
  })
})

function passwordsIn(urls: Record<RoleVariable, string>): RolePasswords {
  const passwords = roleVariables.map((name) => [name, decodeURIComponent(new URL(urls[name]).password)] as const)
  const without = passwords.filter(([, password]) => password === '').map(([name]) => name)
  if (without.length > 0) throw new ConfigurationError(`These URLs hold no password: ${without.join(', ')}.`)
  return Object.fromEntries(passwords.map(([name, password]) => [roleOf[name], password])) as RolePasswords
}

function databaseIn(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  if (name === '') throw new ConfigurationError('MIGRATION_DATABASE_URL names no database.')
  return name
}

function inDatabase(adminUrl: string, name: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.toString()
}
