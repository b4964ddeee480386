import { expect, test } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { createMemoryBus } from './memory-bus.ts'

test('a listener that fails keeps the message from nobody, fails no publisher, and is logged', async () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const bus = createMemoryBus(createLogger({ level: 'error', destination }))
  const heard: unknown[] = []
  bus.subscribe('news', () => {
    throw new Error('a bad listener')
  })
  bus.subscribe('news', (message) => heard.push(message))
  await bus.publish('news', 'anyway')
  expect(heard).toEqual(['anyway'])
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'error', channel: 'news', err: { message: 'a bad listener' } },
  ])
})
