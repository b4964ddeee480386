import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { send } from './http.ts'

export interface RoundRobinProxy {
  origin: string
  /** From now on these are asked whether they are ready. */
  use(origins: readonly string[]): void
  /** How many answers each has given. */
  answered(origin: string): number
  close(): Promise<void>
}

const probeMilliseconds = 40

/**
 * A balancer of the plainest kind: in turn, over connections that are kept, to those whose `/readyz` says 200. It asks
 * another one only where the first took no connection; whatever else goes wrong is its caller's to see, as 502.
 */
export async function openRoundRobinProxy(): Promise<RoundRobinProxy> {
  const agent = new Agent({ keepAlive: true })
  const answers = new Map<string, number>()
  let origins: readonly string[] = []
  let ready: readonly string[] = []
  let turn = 0

  const probe = async () => {
    const states = await Promise.all(
      origins.map((origin) =>
        send(origin, '/readyz').then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    )
    ready = origins.filter((_, index) => states[index])
  }
  const probing = setInterval(probe, probeMilliseconds)

  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer) => {
    const candidates = ready
    turn += 1
    for (let attempt = 0; attempt < candidates.length; attempt += 1) {
      const origin = String(candidates[(turn + attempt) % candidates.length])
      const answer = await forward(agent, origin, incoming, body).catch((error: NodeJS.ErrnoException) => error)
      if (answer instanceof Error && answer.code === 'ECONNREFUSED') continue
      if (answer instanceof Error) return outgoing.writeHead(502).end(String(answer.code))
      answers.set(origin, (answers.get(origin) ?? 0) + 1)
      const { connection: _hop, ...headers } = answer.headers
      return outgoing.writeHead(answer.statusCode ?? 502, headers).end(await buffer(answer))
    }
    return outgoing.writeHead(503).end('nobody is ready')
  }
  const server = createServer(async (incoming, outgoing) => {
    await pass(incoming, outgoing, await buffer(incoming)).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    use: (next) => {
      origins = next
    },
    answered: (origin) => answers.get(origin) ?? 0,
    close: async () => {
      clearInterval(probing)
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function forward(agent: Agent, origin: string, incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { connection: _hop, ...headers } = incoming.headers
  request(`${origin}${incoming.url}`, {
    agent,
    method: incoming.method,
    headers: { ...headers, 'x-forwarded-proto': 'https' },
  })
    .once('response', resolve)
    .once('error', reject)
    .end(body)
  return promise
}
