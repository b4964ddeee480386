import { existsSync } from 'node:fs'

/** What stands in `.env` counts where the environment says nothing else. */
export function loadEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env')
}

/** A variable that is set to nothing is not set. */
export const withoutEmpty = (source: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
