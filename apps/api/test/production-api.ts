import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cloneTemplate } from '@tenantry/control-plane/testing-database'
import { createDevelopmentIssuer, createDevelopmentKey } from '@tenantry/kernel/authentication/development-issuer'
import { systemClock } from '@tenantry/kernel/context/clock'
import { inject } from 'vitest'
import { type AppState, createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openInstallation } from '../src/dependencies.ts'
import { type DatabaseGate, openDatabaseGate } from './database-gate.ts'
import { bearer, type Reply, type Sending, send } from './http.ts'

export interface ProductionApi {
  gate: DatabaseGate
  /** Superuser URL of the database, past the gate. */
  adminUrl: string
  state: AppState
  send(path: string, sending?: Sending): Promise<Reply>
  signedIn(email: string): Promise<{ authorization: string }>
  close(): Promise<void>
}

/** An installation as in production: a database of its own behind a gate, keys from the environment, an OIDC issuer. */
export async function openProductionApi(environment: Record<string, string> = {}): Promise<ProductionApi> {
  const database = await cloneTemplate(`${inject('postgresUrl')}/postgres`, `test_${randomBytes(8).toString('hex')}`)
  const gate = await openDatabaseGate(database.adminUrl)
  const issuer = await openIssuer('tenantry-production')
  const { kid, secret } = database.signingKey
  const config = readConfig({
    DATABASE_URL: gate.through(database.urls.tenantry_app),
    PLATFORM_DATABASE_URL: gate.through(database.urls.tenantry_platform),
    JOBS_DATABASE_URL: gate.through(database.urls.tenantry_jobs),
    CONTEXT_SIGNING_KEYS: `${kid}:${secret.toString('base64')}`,
    ENCRYPTION_KEYS: `first:${randomBytes(32).toString('base64')}`,
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: 'tenantry-production',
    LOG_LEVEL: 'silent',
    ...environment,
  })
  const installation = await openInstallation(config)
  const state: AppState = { draining: false }
  const server = createServer(createApp(config, installation, state))
  const origin = await listen(server)

  return {
    gate,
    adminUrl: database.adminUrl,
    state,
    send: (path, sending) => send(origin, path, sending),
    signedIn: async (email) => bearer(await issuer.sign(email)),
    close: async () => {
      await Promise.all([closed(server), closed(issuer.server)])
      gate.open()
      await installation.close()
      await gate.close()
      await database.drop()
    },
  }
}

/** Publishes its keys by OpenID Connect discovery. */
export async function openIssuer(audience: string) {
  const server = createServer((request, response) => {
    const found = request.url === '/keys' ? issuer.publicJwks : { issuer: url, jwks_uri: `${url}/keys` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(found))
  })
  const url = await listen(server)
  const issuer = createDevelopmentIssuer({ issuer: url, audience, key: createDevelopmentKey(), clock: systemClock })
  return { server, url, sign: (email: string) => issuer.sign({ email }) }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function closed(server: Server): Promise<unknown> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
}
