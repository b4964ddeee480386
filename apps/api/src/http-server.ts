import { createServer, type RequestListener, type Server } from 'node:http'
import { listenFailure } from './listen-failure.ts'

/** Each is there to free a connection from somebody who sends slowly; answers may take as long as they take. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  // Longer than the 60 seconds after which the usual balancer lets go: it must never send into a closing connection.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
}
const idleSweepMilliseconds = 50

export const createHttpServer = (listener: RequestListener): Server => createServer(limits, listener)

/** Throws a `ConfigurationError` where the address cannot be had. */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(listenFailure(error, port, host))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

/** Takes no new connections and lets what is under way end; false where the deadline had to cut something short. */
export async function drain(server: Server, timeoutMilliseconds: number): Promise<boolean> {
  let complete = true
  const closed = new Promise((resolve) => server.close(resolve))
  // A connection kept alive falls idle only once its answer is out.
  const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMilliseconds)
  const deadline = setTimeout(() => {
    complete = false
    server.closeAllConnections()
  }, timeoutMilliseconds)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
  return complete
}
