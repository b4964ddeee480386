import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  openTestInstallation,
  type TestInstallation,
  type TestInstallationOptions,
} from '@tenantry/control-plane/testing'
import {
  createDevelopmentIssuer,
  createDevelopmentKey,
  type DevelopmentIssuer,
  type DevelopmentKey,
} from '@tenantry/kernel/authentication/development-issuer'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import { createMetrics } from '@tenantry/kernel/observability/metrics'
import { type AppState, createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type ContractCheck, createContractCheck } from './contract-check.ts'
import { bearer, methodOf, type Reply, type Sending, send } from './http.ts'

export interface TestApi {
  origin: string
  installation: TestInstallation
  /** Whose tokens the API accepts; `key` signs more of them, or worse ones. */
  issuer: DevelopmentIssuer
  key: DevelopmentKey
  state: AppState
  send(path: string, sending?: Sending): Promise<Reply>
  /** An operation below `/api/v1`. Throws where the answer is not as the OpenAPI document says. */
  rest(path: string, sending?: Sending): Promise<Reply>
  tokenOf(user: { email: string }): Promise<string>
  /** A request header that signs the user in. */
  signedIn(user: { email: string }): Promise<{ authorization: string }>
  close(): Promise<void>
}

export interface TestApiOptions extends TestInstallationOptions {
  /** Besides the defaults of a development installation. */
  environment?: Record<string, string>
}

/** The whole application over a database of its own, listening on a free loopback port. */
export async function openTestApi({
  clock = systemClock,
  environment = {},
  ...options
}: TestApiOptions = {}): Promise<TestApi> {
  const config = readConfig(environment)
  const installation = await openTestInstallation({ clock, platformAccess: config.PLATFORM_ACCESS, ...options })
  const key = createDevelopmentKey()
  const issuer = createDevelopmentIssuer({ issuer: installation.issuer.issuer, audience: 'tenantry', key, clock })
  const metrics = createMetrics()
  const dependencies = {
    ...installation.dependencies,
    metrics,
    authenticator: createTokenVerifier({ issuers: [issuer], clock }),
  }
  const developmentIssuer = config.developmentIssuer ? issuer : null
  const state: AppState = { draining: false }
  const { database, close } = installation
  const server = createServer(
    createApp(config, { dependencies, database, metrics, redis: null, developmentIssuer, close }, state),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tokenOf = ({ email }: { email: string }) => issuer.sign({ email })

  return {
    origin,
    installation,
    issuer,
    key,
    state,
    send: (path, sending) => send(origin, path, sending),
    rest: checkedSender(origin),
    tokenOf,
    signedIn: async (user) => bearer(await tokenOf(user)),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await close()
    },
  }
}

function checkedSender(origin: string): TestApi['rest'] {
  let check: Promise<ContractCheck> | undefined
  return async (path, sending = {}) => {
    check ??= send(origin, '/api/openapi.json').then(({ json }) => createContractCheck(json))
    const reply = await send(origin, `/api/v1${path}`, sending)
    const method = methodOf(sending)
    const faults = (await check)({ method, path, reply })
    if (faults.length === 0) return reply
    throw new Error(`${method} ${path} answered ${reply.status} ${reply.text}\n  ${faults.join('\n  ')}`)
  }
}
