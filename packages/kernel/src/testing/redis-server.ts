import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A Redis of a test's own. */
export interface RedisServer {
  url: string
  /** Accepts, but answers nothing, like a machine that hangs. */
  freeze(): void
  thaw(): void
  /** Ends it as a crash would. Nothing is kept. */
  kill(): Promise<void>
  /** Starts it again, empty, at the same address. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const patienceMilliseconds = 10_000

/** Starts `program` on a free loopback port, in memory only. The caller stops it. */
export async function startRedisServer(program: string, words: string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const start = async () => {
    const always = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp']
    const child = spawn(program, [...always, ...words], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    await answers(port)
    return {
      signal: (signal: NodeJS.Signals) => child.kill(signal),
      kill: async () => {
        process.off('exit', end)
        end()
        await ended
      },
    }
  }
  let server = await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    kill: () => server.kill(),
    restart: async () => {
      server = await start()
    },
    stop: () => server.kill(),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + patienceMilliseconds
  while (Date.now() < deadline) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(10)
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`redis-server did not start on port ${port}`)
}
