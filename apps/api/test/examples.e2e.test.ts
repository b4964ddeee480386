import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { byRest, type Call, operations, restBody } from './doors.ts'
import type { Case } from './operation-case.ts'
import { inputOf, operationCases, pipelineCases, tenantNamed } from './operation-cases.ts'
import { makeWorld, type World } from './operation-world.ts'

/** Stands still, so that the same code gives the same examples. */
const noon = new Date('2026-03-16T12:00:00Z')
const file = '../src/mounts/reference-examples.json'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi({ clock: { now: () => noon } })
})

afterAll(() => api.close())

const promise = 'the examples of the API reference are what the service answers; `pnpm generate-examples` renews them'
test(promise, { timeout: 240_000 }, async () => {
  const shown: Record<string, { body?: unknown; answer?: unknown }> = {}
  const problems: Record<string, unknown> = {}
  for (const { name, operation } of operations) {
    const all = [...(operationCases[name] ?? []), ...pipelineCases(operation, operationCases[name] ?? [])]
    // One of each kind is shown.
    const cases = all.filter(
      ({ expects }, index) => all.findIndex((one) => one.expects === expects) === index && !(expects in problems),
    )
    let alone: Promise<unknown> = Promise.resolve()
    const played = await Promise.all(
      cases.map((one) => {
        const playing = one.isAlone ? alone.then(() => play({ name, operation }, one)) : play({ name, operation }, one)
        if (one.isAlone) alone = playing
        return playing
      }),
    )
    for (const { one, world, call, outcome } of played) {
      if ('problem' in outcome) problems[one.expects] ??= presentable(world, one, outcome.problem)
      else shown[name] ??= presentable(world, one, { body: restBody(call), answer: outcome.data }) as object
    }
  }

  expect(Object.keys(shown)).toEqual(operations.map(({ name }) => name))
  const sorted = Object.fromEntries(Object.entries(problems).sort(([left], [right]) => (left < right ? -1 : 1)))
  const text = `${JSON.stringify({ operations: shown, problems: sorted }, null, 2)}\n`
  await expect(text).toMatchFileSnapshot(file)
})

async function play({ name, operation }: Pick<Call, 'name' | 'operation'>, one: Case) {
  const world = await makeWorld(api, one.as, one.status ?? 'active')
  await one.before?.(api, world)
  const call = { name, operation, input: inputOf(one, world), tenant: tenantNamed(one, world), world }
  return { one, world, call, outcome: await byRest(api, call) }
}

/** With the names of the demonstration in place of those that a test made up, and ids that stay the same. */
function presentable({ tenant, other, user }: World, { steady = String }: Case, value: unknown): unknown {
  const named = steady(JSON.stringify(value))
    .replaceAll(`Tenant ${tenant.slug}`, 'Acme')
    .replaceAll(tenant.slug, 'acme')
    .replaceAll(other.slug, 'globex')
    .replaceAll(user.email, 'jo@acme.test')
    .replaceAll(/"tk_test_[0-9a-f_]+"/g, `"${exampleKey}"`)
    .replaceAll(/"token":"[\w-]{43}"/g, `"token":"${exampleToken}"`)
    .replaceAll(/"\d{16}"/g, `"${noon.getTime()}000"`)
  const ids = new Map([tenant.id, other.id, user.id].map((id, at) => [id, exampleId(at)]))
  const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
  return JSON.parse(
    named.replace(uuid, (id) => {
      const known = ids.get(id) ?? exampleId(ids.size)
      ids.set(id, known)
      return known
    }),
  )
}

const exampleToken = 'dGhlIHRva2VuIG9mIGFuIGludml0YXRpb24sIG1haWx'
const exampleKey = `tk_live_${'019cf6a14e0070008000000000000004'}_${'5ec2e7'.padEnd(64, '0')}_00000000`
const exampleId = (number: number) => `019cf6a1-4e00-7000-8000-${String(number + 1).padStart(12, '0')}`
