import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { findFreePort, untilListening } from './port.ts'

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

/** Starts `program` on a free loopback port, in memory only. The caller stops it. */
export async function startRedisServer(program: string, words: string[] = []): Promise<RedisServer> {
  const port = await findFreePort()
  const start = async () => {
    const always = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp']
    const child = spawn(program, [...always, ...words], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    await untilListening(port)
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
