import { createHash } from 'node:crypto'
import { createDatabase, dropDatabase, provisionDatabase, provisionRoles } from '@tenantry/kernel/tenancy/provision'
import { type LoginRole, loginRoles, type RolePasswords } from '@tenantry/kernel/tenancy/roles'
import type { SigningKey } from '@tenantry/kernel/tenancy/signed-context'
import { migrate } from './migrate.ts'

/** The name under which a test run keeps its migrated database; each suite works on a clone. */
export const templateName = 'tenantry_template'

/** Migrates a template that suites clone; every connection is closed again. */
export async function prepareTemplate(adminUrl: string, name: string): Promise<void> {
  await provisionRoles(adminUrl, passwordsOf(adminUrl))
  await createDatabase(adminUrl, name)
  await provisionDatabase(inDatabase(adminUrl, name))
  const urls = roleUrls(adminUrl, name)
  await migrate({ ownerUrl: urls.tenantry_owner, jobsUrl: urls.tenantry_jobs, signingKeys: [signingKeyOf(adminUrl)] })
}

export interface TestDatabase {
  name: string
  adminUrl: string
  urls: Record<LoginRole, string>
  signingKey: SigningKey
  drop(): Promise<void>
}

/** A clone of the template, for one suite. */
export async function cloneTemplate(adminUrl: string, name: string): Promise<TestDatabase> {
  await createDatabase(adminUrl, name, templateName)
  await provisionDatabase(inDatabase(adminUrl, name))
  return {
    name,
    adminUrl: inDatabase(adminUrl, name),
    urls: roleUrls(adminUrl, name),
    signingKey: signingKeyOf(adminUrl),
    drop: () => dropDatabase(adminUrl, name),
  }
}

/** Known to every process of a test run that knows its server, and to nobody else. */
function secretOf(adminUrl: string, purpose: string): Buffer {
  return createHash('sha256')
    .update(`${new URL(adminUrl).password}|${purpose}`)
    .digest()
}

function passwordsOf(adminUrl: string): RolePasswords {
  return Object.fromEntries(loginRoles.map((role) => [role, secretOf(adminUrl, role).toString('hex')])) as RolePasswords
}

const signingKeyOf = (adminUrl: string): SigningKey => ({ kid: 'test', secret: secretOf(adminUrl, 'signing') })

function inDatabase(adminUrl: string, name: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.toString()
}

function roleUrls(adminUrl: string, name: string): Record<LoginRole, string> {
  const passwords = passwordsOf(adminUrl)
  const entries = loginRoles.map((role) => {
    const url = new URL(inDatabase(adminUrl, name))
    url.username = role
    url.password = passwords[role]
    return [role, url.toString()]
  })
  return Object.fromEntries(entries) as Record<LoginRole, string>
}
