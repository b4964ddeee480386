import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('names that are held keep no reader waiting; where there are too many, the next is told so at once', async () => {
  const { database } = installation
  const { caller } = await installation.enter()
  const release = Promise.withResolvers<void>()
  const names = Array.from({ length: 8 }, (_, number) => `name ${number}`)
  let held = 0
  const holding = names.map((name) =>
    database.exclusively(name, async () => {
      held += 1
      await release.promise
    }),
  )
  await expect.poll(() => held).toBe(8)
  expect(database.pool().total).toBeLessThan(3)
  expect(await caller.tenants.info()).toMatchObject({ userRole: 'owner' })
  await expect(database.exclusively('one more', async () => 'done')).rejects.toMatchObject({
    code: 'service.overloaded',
    details: { retryAfterSeconds: 1 },
  })
  release.resolve()
  await Promise.all(holding)
  expect(await database.exclusively('one more', async () => 'done')).toBe('done')
})
