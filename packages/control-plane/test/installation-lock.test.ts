import { withInstallationLock } from '@tenantry/kernel/tenancy/advisory-lock'
import { expect, onTestFinished, test } from 'vitest'
import { openTestInstallation } from '../src/testing.ts'

async function ownerUrl(): Promise<string> {
  const installation = await openTestInstallation()
  onTestFinished(() => installation.close())
  return installation.testDatabase.urls.tenantry_owner
}

test('of two that change one installation the second begins when the first is done', async () => {
  const url = await ownerUrl()
  const steps: string[] = []
  const gate = Promise.withResolvers<void>()
  const inside = Promise.withResolvers<void>()
  const first = withInstallationLock(url, async () => {
    inside.resolve()
    await gate.promise
    steps.push('first is done')
  })
  await inside.promise
  const second = withInstallationLock(url, async () => steps.push('second begins'))
  // Another installation is nobody's business; the time this takes would be enough for the second one.
  await withInstallationLock(await ownerUrl(), async () => steps.push('elsewhere'))

  gate.resolve()
  await Promise.all([first, second])

  expect(steps).toEqual(['elsewhere', 'first is done', 'second begins'])
})

test('whoever fails lets go of it', async () => {
  const url = await ownerUrl()
  await expect(withInstallationLock(url, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(await withInstallationLock(url, async () => 'mine')).toBe('mine')
})
