import { expect, test } from 'vitest'
import { closingOnFailure } from './run-service.ts'

const failing = (message: string) => () => Promise.reject(new Error(message))

test('why the service did not start is reported, though closing fails too', async () => {
  const start = failing('The port is in use.')
  await expect(closingOnFailure({ close: failing('The database does not stop.') }, start)).rejects.toThrow('The port')
})

test('what did not start is closed, what did is not', async () => {
  const closed: string[] = []
  const closing = (name: string) => ({ close: async () => void closed.push(name) })
  await closingOnFailure(closing('failed'), failing('no')).catch(() => undefined)
  expect(await closingOnFailure(closing('started'), async () => 'listening')).toBe('listening')
  expect(closed).toEqual(['failed'])
})
