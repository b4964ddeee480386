import { expect, test, vi } from 'vitest'
import { createTurns } from './turns.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))
const soon = () => performance.now() + 3_000
const heldByAnother = () => Object.assign(new Error('could not obtain lock'), { code: '55P03' })

/** Work that goes on until it is told how it ends. */
function createWorks() {
  const begun: string[] = []
  const ends = new Map<string, { resolve(): void; reject(error: Error): void }>()
  const work = (name: string) => (patient: boolean) => {
    const entry = patient ? `${name} patiently` : name
    begun.push(entry)
    return new Promise<void>((resolve, reject) => ends.set(entry, { resolve, reject }))
  }
  return { begun, ends, work }
}

test('so many work at once, of one account one, and each in its turn, whether or not the one before failed', async () => {
  const turns = createTurns(2)
  const { begun, ends, work } = createWorks()
  const all = ['a1', 'a2', 'b1', 'c1', 'a3'].map((name) => turns(name.slice(0, 1), soon(), work(name)))
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

test('accounts that others hold are waited for one after another, beside those that are free', async () => {
  const turns = createTurns(2)
  const { begun, ends, work } = createWorks()
  const all = ['a1', 'b1', 'a2', 'c1', 'd1'].map((name) => turns(name.slice(0, 1), soon(), work(name)))
  await settle()
  for (const name of ['a1', 'b1']) ends.get(name)?.reject(heldByAnother())
  await settle()
  expect(begun.slice(0, 2)).toEqual(['a1', 'b1'])
  expect(begun.slice(2).toSorted()).toEqual(['a1 patiently', 'c1', 'd1'])
  ends.get('a1 patiently')?.resolve()
  await settle()
  expect(begun.slice(5)).toEqual(['b1 patiently'])
  for (const name of ['c1', 'd1', 'b1 patiently']) ends.get(name)?.resolve()
  await settle()
  expect(begun.slice(6)).toEqual(['a2'])
  ends.get('a2')?.resolve()
  await Promise.all(all)
})

test('whose turn does not come in time is told so then, and leaves its place to others', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const turns = createTurns(1)
  const { begun, ends, work } = createWorks()
  const first = turns('a', soon(), work('a1'))
  const late = turns('b', soon(), work('b1')).catch((error: unknown) => error)
  vi.advanceTimersByTime(2_999)
  const third = turns('c', soon(), work('c1'))
  vi.advanceTimersByTime(1)
  vi.useRealTimers()
  expect(await late).toMatchObject({ code: 'service.overloaded', details: { retryAfterSeconds: 1 } })
  ends.get('a1')?.resolve()
  await first
  await settle()
  expect(begun).toEqual(['a1', 'c1'])
  ends.get('c1')?.resolve()
  await third
})
