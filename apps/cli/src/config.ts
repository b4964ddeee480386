import {
  type CommandVariables,
  type InstallationConfig,
  readCommandVariables,
  readInstallationConfig,
  withoutEmpty,
} from '@tenantry/installation/environment'

export interface Config extends InstallationConfig {
  /** Whether the service of this environment would believe the built-in issuer. */
  developmentTokens: boolean
}

export const readEnvironment = (): NodeJS.ProcessEnv => withoutEmpty(process.env)

/** Throws a `ConfigurationError` that names every problem at once, and never a value. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const config = readInstallationConfig({ LOG_LEVEL: 'warn', ...environment })
  const { OIDC_ISSUER, AUTH_DEV_ISSUER } = environment
  return { ...config, developmentTokens: config.embedded && !OIDC_ISSUER && AUTH_DEV_ISSUER !== 'false' }
}

export const readSigningKeyVariables = (environment: NodeJS.ProcessEnv): CommandVariables<'tenantry signing-key'> =>
  readCommandVariables('tenantry signing-key', environment)

export const readMigrateVariables = (environment: NodeJS.ProcessEnv): CommandVariables<'migrate'> =>
  readCommandVariables('migrate', environment)
