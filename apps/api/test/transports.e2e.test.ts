import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { byRest, byTrpc, type Door, inProcess, type Outcome, operations } from './doors.ts'
import type { Case } from './operation-case.ts'
import { inputOf, operationCases, pipelineCases, tenantNamed } from './operation-cases.ts'
import { anonymised, makeWorld } from './operation-world.ts'

/** Stands still, so that equal answers carry equal times. */
const noon = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000)

let api: TestApi

beforeAll(async () => {
  api = await openTestApi({ clock: { now: () => noon } })
})

afterAll(() => api.close())

test('every operation has its cases, and no case is left of an operation that is gone', () => {
  expect(Object.keys(operationCases).sort()).toEqual(operations.map(({ name }) => name).sort())
})

describe.each(operations)('$name', ({ name, operation }) => {
  const own = operationCases[name] ?? []
  const cases = [...own, ...pipelineCases(operation, own)]

  test('each of its declared errors is among its cases', () => {
    const shown = new Set(cases.map(({ expects }) => expects))
    const named = operation.rest.path.includes('{tenantId}')
    // In process a tenant is named once besides the path, and a path always names one; only a load overloads; who signs in
    // here has a verified address; the catalogue has the meters of runs, and no higher plan that allows less.
    const selection = named ? 'tenant.not_selected' : 'tenant.mismatch'
    const exempt = [selection, 'service.overloaded', 'invitation.email_unverified']
    if (name === 'runs.start') exempt.push('usage.unknown_meter')
    if (name === 'subscription.upgrade') exempt.push('subscription.would_break')
    const declared = operation.errors.map(({ code }) => code).filter((code) => !exempt.includes(code))
    expect(declared.filter((code) => !shown.has(code))).toEqual([])
  })

  test.each(cases)('answers $as the same on every door: $expects', async (one) => {
    const rest = await play(byRest, one)
    expect(rest).toEqual(
      one.expects === 'ok' ? { data: expect.anything() } : { problem: expect.objectContaining({ code: one.expects }) },
    )
    expect(await play(byTrpc, one)).toEqual(rest)
    // A caller in process always says who it is.
    if (one.as !== 'anonymous') expect(await play(inProcess, one)).toEqual(rest)
  })

  async function play(door: Door, one: Case): Promise<Outcome> {
    const world = await makeWorld(api, one.as, one.status ?? 'active')
    await one.before?.(api, world)
    const call = { name, operation, input: inputOf(one, world), tenant: tenantNamed(one, world), world }
    const answered = anonymised(world, await door(api, call))
    const outcome: Outcome = one.steady ? JSON.parse(one.steady(JSON.stringify(answered))) : answered
    if ('data' in outcome) return outcome
    const { requestId: _requestId, instance: _instance, ...problem } = outcome.problem as Record<string, unknown>
    return { problem }
  }
})
