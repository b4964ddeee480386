import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

vi.setConfig({ testTimeout: 30_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
})
afterAll(() => installation.close())

test('a tenant is created, active, with its owner and a key that is shown once', async () => {
  const created = await type(
    'tenant create --name Umbrella --owner-email ada@umbrella.test --plan enterprise --create-api-key',
    environment,
  )
  expect(created).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /^umbrella \(\S+\) is active, owned by ada@umbrella\.test\.\nIts API key, which is not shown again: tk_live_\S+\n$/,
    ),
  })
  const { out } = await type('tenant list --q umbrella --json', environment)
  expect(JSON.parse(out).items).toMatchObject([{ slug: 'umbrella', plan: 'enterprise', status: 'active' }])
})

test('with an idempotency key it is created once', async () => {
  const again =
    'tenant create --name Twice --owner-email ada@twice.test --tags one two --idempotency-key import-7 --json'
  const [first, second] = [await type(again, environment), await type(again, environment)]
  expect(JSON.parse(first.out)).toMatchObject({ slug: 'twice', tags: ['one', 'two'] })
  expect(JSON.parse(second.out).id).toBe(JSON.parse(first.out).id)
})

test('what is wrong is told by the name of its option', async () => {
  const wrong = await type('tenant create --name A --slug Not! --owner-email nobody --timezone Mars/Base', environment)
  expect(wrong).toMatchObject({ code: 2, out: '' })
  const options = [...wrong.error.matchAll(/^ {2}(--[a-z-]+): /gm)].map(([, option]) => option)
  expect(options).toEqual(expect.arrayContaining(['--slug', '--owner-email', '--timezone']))
  expect((await type('tenant create --name Acme', environment)).code).toBe(2)
})
