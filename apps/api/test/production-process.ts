import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { insertUser } from '@tenantry/control-plane/capabilities/member/index'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '@tenantry/control-plane/testing'
import { onTestFinished } from 'vitest'
import { kill } from './api-process.ts'
import { bearer, type Reply, type Sending, send } from './http.ts'
import { processEnvironment } from './process-environment.ts'
import { openIssuer } from './production-api.ts'

type Environment = Record<string, string>
type Signed = Record<'authorization', string>

/** What several processes of one installation share: a database, keys and an issuer. */
export interface ProductionSite {
  installation: TestInstallation
  environment: Environment
  signedIn(email: string): Promise<Signed>
  /** A new tenant without limits that matter, and a request header that signs its owner in. */
  createOwner(): Promise<{ tenant: TestTenant; headers: Signed }>
  close(): Promise<void>
}

export interface LogLine extends Record<string, unknown> {
  level: string
  msg: string
}

export interface Command {
  pid: number
  /** Everything it wrote so far, to either stream. */
  output(): string
  /** Its exit code; null where a signal ended it. */
  ended: Promise<number | null>
}

export interface ProductionProcess extends Command {
  origin: string
  log(): LogLine[]
  /** As a trusted proxy sends on what it got by https. */
  send(path: string, sending?: Sending): Promise<Reply>
  stop(signal: NodeJS.Signals): Promise<{ code: number | null; milliseconds: number }>
}

const startMilliseconds = 40_000

export async function openProductionSite(): Promise<ProductionSite> {
  const audience = 'tenantry-production'
  const [installation, issuer] = await Promise.all([openTestInstallation(), openIssuer(audience)])
  const { urls, signingKey } = installation.testDatabase
  return {
    installation,
    environment: {
      PORT: '0',
      DATABASE_URL: urls.tenantry_app,
      PLATFORM_DATABASE_URL: urls.tenantry_platform,
      JOBS_DATABASE_URL: urls.tenantry_jobs,
      CONTEXT_SIGNING_KEYS: `${signingKey.kid}:${signingKey.secret.toString('base64')}`,
      ENCRYPTION_KEYS: `first:${randomBytes(32).toString('base64')}`,
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: audience,
      TRUSTED_PROXIES: '127.0.0.1',
      DRAIN_DELAY_MS: '0',
    },
    signedIn: async (email) => bearer(await issuer.sign(email)),
    createOwner: async () => {
      const tenant = await installation.createTenant({ plan: 'enterprise' })
      const email = `owner@${tenant.slug}.test`
      const user = { issuer: issuer.url, subject: email, email, name: null, createdAt: new Date() }
      const userId = await installation.database.platformUnit({ actor: operator, readOnly: false }, (em) =>
        insertUser(em, user),
      )
      await installation.addMember(tenant.id, userId, 'owner')
      return { tenant, headers: bearer(await issuer.sign(email)) }
    },
    close: async () => {
      issuer.server.closeAllConnections()
      await new Promise((resolve) => issuer.server.close(resolve))
      await installation.close()
    },
  }
}

/** A file of `apps/api/src`, run as a process of its own that ends with the test at the latest. */
export function runScript(file: string, environment: Environment, nodeOptions: readonly string[] = []): Command {
  const script = fileURLToPath(new URL(`../src/${file}`, import.meta.url))
  const child = spawn(process.execPath, [...nodeOptions, script], {
    // Where there is no `.env`.
    cwd: tmpdir(),
    env: { ...processEnvironment, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (written += String(chunk)))
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null)
  const pid = Number(child.pid)
  onTestFinished(async () => {
    kill(pid, 'SIGKILL')
    await ended
  })
  return { pid, output: () => written, ended }
}

/** `start:production`, once it listens; throws where it ends before. */
export async function startProduction(
  environment: Environment,
  nodeOptions: readonly string[] = [],
): Promise<ProductionProcess> {
  const command = runScript('production.ts', environment, nodeOptions)
  const log = () => linesOf(command.output())
  const origin = await Promise.race([
    listening(log),
    command.ended.then((code) => Promise.reject(new Error(`It ended with ${code}:\n${command.output()}`))),
  ])
  return {
    ...command,
    origin,
    log,
    send: (path, sending = {}) =>
      send(origin, path, { ...sending, headers: { 'x-forwarded-proto': 'https', ...sending.headers } }),
    stop: async (signal) => {
      const startedAt = performance.now()
      kill(command.pid, signal)
      return { code: await command.ended, milliseconds: performance.now() - startedAt }
    },
  }
}

function linesOf(output: string): LogLine[] {
  // The last line may not be whole yet.
  const whole = output.slice(0, output.lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap((line): LogLine[] => (line.startsWith('{') ? [JSON.parse(line)] : []))
}

async function listening(log: () => LogLine[]): Promise<string> {
  const deadline = performance.now() + startMilliseconds
  while (performance.now() < deadline) {
    const line = log().find(({ msg }) => msg === 'listening')
    if (line) return `http://127.0.0.1:${line.port}`
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('It does not listen')
}
