import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Sending {
  /** POST where there is a body, GET otherwise, unless told. */
  method?: string
  headers?: Record<string, string>
  /** Sent as JSON, with the media type of JSON unless `headers` names another. */
  json?: unknown
  /** Sent as it is. */
  body?: string | Buffer
}

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** Of a JSON answer; null for any other. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose schemas the contract check has verified
  json: any
}

/** Nothing of ours may take longer to answer. */
const patienceMilliseconds = 10_000

/** One request on a connection of its own. Every header may be set, Host too, which `fetch` does not allow. */
export function send(origin: string, path: string, sending: Sending = {}): Promise<Reply> {
  const payload = sending.json === undefined ? sending.body : JSON.stringify(sending.json)
  const chunked = sending.headers?.['transfer-encoding'] === 'chunked'
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const outgoing = request(`${origin}${path}`, {
    agent: false,
    method: methodOf(sending),
    signal: AbortSignal.timeout(patienceMilliseconds),
    headers: {
      ...(sending.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(payload === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
      ...sending.headers,
    },
  })
  outgoing.once('response', (incoming) => readReply(incoming).then(resolve, reject))
  outgoing.once('error', reject)
  outgoing.end(payload)
  return promise
}

export const methodOf = ({ method, json, body }: Sending): string =>
  method ?? (json === undefined && body === undefined ? 'GET' : 'POST')

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function readReply(incoming: IncomingMessage): Promise<Reply> {
  const received = await text(incoming)
  const isJson = /^application\/(problem\+)?json\b/.test(incoming.headers['content-type'] ?? '')
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    text: received,
    json: isJson && received !== '' ? JSON.parse(received) : null,
  }
}
