import type { CommandVariables, InstallationConfig } from '@tenantry/installation/environment'
import { withoutEmpty } from '@tenantry/installation/environment-file'

export interface Config extends InstallationConfig {
  /** Whether the service of this environment would believe the built-in issuer. */
  developmentTokens: boolean
  /** Where links in mails lead. */
  publicUrl: string
}

export const readEnvironment = (): NodeJS.ProcessEnv => withoutEmpty(process.env)

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export async function readConfig(environment: NodeJS.ProcessEnv): Promise<Config> {
  const { publicUrlOf, readInstallationConfig } = await import('@tenantry/installation/environment')
  const config = readInstallationConfig({ LOG_LEVEL: 'warn', ...environment })
  const { OIDC_ISSUER, AUTH_DEV_ISSUER } = environment
  return {
    ...config,
    developmentTokens: config.embedded && !OIDC_ISSUER && AUTH_DEV_ISSUER !== 'false',
    publicUrl: publicUrlOf(environment),
  }
}

export async function readSigningKeyVariables(
  environment: NodeJS.ProcessEnv,
): Promise<CommandVariables<'tenantry signing-key'>> {
  const { readCommandVariables } = await import('@tenantry/installation/environment')
  return readCommandVariables('tenantry signing-key', environment)
}

export async function readMigrateVariables(environment: NodeJS.ProcessEnv): Promise<CommandVariables<'migrate'>> {
  const { readCommandVariables } = await import('@tenantry/installation/environment')
  return readCommandVariables('migrate', environment)
}
