import type { RequestListener } from 'node:http'
import { type Config, readConfig } from '@tenantry/api/config'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'

interface Installation {
  dependencies: Dependencies
  close(): Promise<void>
}

const api = new URL('../../../apps/api/src/', import.meta.url)

// The service offers its configuration by name, and nothing else: what is measured of its wiring is loaded by its place.
const wiring: { openInstallation(config: Config): Promise<Installation> } = await import(
  new URL('dependencies.ts', api).href
)
const application: {
  createApp(config: Config, installation: Installation, state: { draining: boolean }): RequestListener
} = await import(new URL('app.ts', api).href)

export const { openInstallation } = wiring
export const { createApp } = application
export { readConfig }
