import { type AddressInfo, connect, createServer } from 'node:net'

export interface Message {
  /** PostgreSQL's letter for it: Q a statement, P one to be prepared, B its values. */
  type: string
  body: string
}

export interface Tap extends AsyncDisposable {
  /** The same database, listened to. */
  through(url: string): string
  /** What clients sent since they signed in. */
  sent(): Message[]
}

/** Listens to what is sent to PostgreSQL, as somebody on the server who can read all of it would. */
export async function openTap(databaseUrl: string): Promise<Tap> {
  const { hostname, port } = new URL(databaseUrl)
  const streams: Buffer[][] = []
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), hostname)
    const stream: Buffer[] = []
    streams.push(stream)
    incoming.on('data', (chunk) => stream.push(chunk))
    incoming.pipe(outgoing).pipe(incoming)
    for (const [side, other] of [[incoming, outgoing] as const, [outgoing, incoming] as const]) {
      side.on('error', () => side.destroy())
      side.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    through: (url) => {
      const through = new URL(url)
      through.port = String((server.address() as AddressInfo).port)
      return through.toString()
    },
    sent: () => streams.flatMap((stream) => messagesOf(Buffer.concat(stream))),
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The first message of a connection has no letter. */
function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = []
  for (let at = bytes.readInt32BE(0); at < bytes.length; at += bytes.readInt32BE(at + 1) + 1) {
    const body = bytes.subarray(at + 5, at + 1 + bytes.readInt32BE(at + 1)).toString('latin1')
    messages.push({ type: String.fromCharCode(bytes[at] ?? 0), body })
  }
  return messages
}
