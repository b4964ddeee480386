import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import superjson from 'superjson'
import { onTestFinished } from 'vitest'

export interface Call {
  path: string
  input: unknown
}

export interface Received {
  method: string
  url: string
  headers: IncomingMessage['headers']
  calls: Call[]
  /** Resolves when the client closed the connection. */
  left: Promise<unknown>
}

/** What a call is answered with; or what the whole request is, by something that is not the service. */
export type Scripted =
  | { data: unknown }
  | { code: string; status: number; retryAfterSeconds?: number }
  | { foreign: number; headers?: Record<string, string>; body?: string; stalls?: boolean }
  | 'nothing'

export interface ScriptedServer {
  url: string
  requests: Received[]
}

/** Stands in for a remote service: speaks its protocol, and answers as the script says. Ends with the test. */
export async function startScriptedServer(script: (call: Call, attempt: number) => Scripted): Promise<ScriptedServer> {
  const requests: Received[] = []
  const attempts = new Map<string, number>()
  const server = createServer(async (incoming, response) => {
    const received = await receive(incoming, response)
    requests.push(received)
    const answers = received.calls.map((call) => {
      const attempt = (attempts.get(call.path) ?? 0) + 1
      attempts.set(call.path, attempt)
      return script(call, attempt)
    })
    answer(response, answers, received.url.includes('batch=1'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<Received> {
  const { method = '', url = '', headers } = incoming
  const { pathname, searchParams } = new URL(url, 'http://service')
  const batched = searchParams.has('batch')
  const raw = method === 'GET' ? searchParams.get('input') : await text(incoming)
  const parsed = raw ? JSON.parse(raw) : undefined
  const paths = pathname.replace('/trpc/', '').split(',')
  const inputs = paths.map((_, index) => (batched ? parsed?.[index] : parsed))
  const calls = paths.map((path, index) => ({
    path,
    input: inputs[index] === undefined ? undefined : superjson.deserialize(inputs[index]),
  }))
  return { method, url, headers, calls, left: once(response, 'close') }
}

function answer(response: ServerResponse, answers: Scripted[], batched: boolean): void {
  if (answers.includes('nothing')) return
  const foreign = answers.find((one) => typeof one === 'object' && 'foreign' in one)
  if (foreign && typeof foreign === 'object' && 'foreign' in foreign) {
    response.writeHead(foreign.foreign, foreign.headers ?? { 'content-type': 'text/html' })
    response.write(foreign.body ?? '<h1>Bad gateway</h1>')
    if (!foreign.stalls) response.end()
    return
  }
  const bodies = answers.map(envelope)
  const first = answers[0]
  const status = answers.length === 1 && typeof first === 'object' && 'code' in first ? first.status : 200
  response.writeHead(batched && answers.length > 1 ? 207 : status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(batched ? bodies : bodies[0]))
}

function envelope(one: Scripted): unknown {
  if (typeof one === 'object' && 'data' in one) return { result: { data: superjson.serialize(one.data) } }
  const { code, status, retryAfterSeconds } = one as Extract<Scripted, { code: string }>
  const problem = { code, status, title: '', detail: `Refused: ${code}`, type: `urn:${code}`, requestId: '1' }
  const data = { code: 'ANY', httpStatus: status, path: '', problem: { ...problem, retryAfterSeconds } }
  return { error: superjson.serialize({ message: problem.detail, code: -32603, data }) }
}
