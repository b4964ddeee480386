import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface DatabaseGate {
  /** The same database, reached through the gate. */
  through(url: string): string
  /** Ends every connection and refuses new ones, as a server that is down does. */
  cut(): void
  /** Lets nothing pass any more in either direction, as a lost network does. */
  freeze(): void
  /** Lets new connections through again; frozen ones end. */
  open(): void
  close(): Promise<void>
}

/** Stands between an installation and its PostgreSQL, which itself keeps running for everybody else. */
export async function openDatabaseGate(databaseUrl: string): Promise<DatabaseGate> {
  const { hostname, port } = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let state: 'open' | 'cut' | 'frozen' = 'open'

  const watch = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((incoming) => {
    watch(incoming)
    if (state === 'cut') incoming.destroy()
    if (state !== 'open') return
    const outgoing = watch(connect(Number(port), hostname))
    incoming.pipe(outgoing).pipe(incoming)
    incoming.on('close', () => outgoing.destroy())
    outgoing.on('close', () => incoming.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    through: (url) => {
      const through = new URL(url)
      through.port = String((server.address() as AddressInfo).port)
      return through.toString()
    },
    cut: () => {
      state = 'cut'
      endAll()
    },
    freeze: () => {
      state = 'frozen'
      for (const socket of sockets) socket.unpipe().pause()
    },
    open: () => {
      if (state === 'frozen') endAll()
      state = 'open'
    },
    close: async () => {
      endAll()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
