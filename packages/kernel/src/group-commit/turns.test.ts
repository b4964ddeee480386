import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('so many work at once, of one account one, and each in its turn, whether or not the one before failed', async () => {
  const turns = createTurns(2)
  const begun: string[] = []
  const ends = new Map<string, { resolve(): void; reject(error: Error): void }>()
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }))
  }
  const all = ['a1', 'a2', 'b1', 'c1', 'a3'].map((name) => turns(name.slice(0, 1), work(name)))
  const settled = Promise.allSettled(all)
  await settle()
  expect(begun).toEqual(['a1', 'b1'])
  ends.get('b1')?.resolve()
  await settle()
  expect(begun).toEqual(['a1', 'b1', 'c1'])
  ends.get('a1')?.reject(new Error('failed'))
  await settle()
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2'])
  for (const name of ['a2', 'c1']) ends.get(name)?.resolve()
  await settle()
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'a3'])
  ends.get('a3')?.resolve()
  expect((await settled).map(({ status }) => status)).toEqual([
    'rejected',
    ...Array.from({ length: 4 }, () => 'fulfilled'),
  ])
})
