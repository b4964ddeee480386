import { problemSchema } from '@tenantry/kernel/contract/problem'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { documentedOperation, fuzzedInput } from './document-fuzz-requests.ts'
import { oddText } from './document-fuzz-values.ts'
import { operations } from './doors.ts'
import type { Reply } from './http.ts'
import {
  type FuzzRole,
  freshAddress,
  type Installed,
  makeFuzzCallers,
  prepare,
  readInstalled,
  seedsOf,
  vocabularyOf,
} from './traffic-fuzz-world.ts'

const triedRoles: FuzzRole[] = ['anonymous', 'admin', 'owner', 'owner of another tenant', 'platform admin']

const soak = inject('soak')
/**
 * Fixed, so that a failure is there again in the next run; the long run tries something else each time. fast-check names
 * the seed with the smallest call that fails.
 */
const seed = soak ? Date.now() % 2 ** 31 : 20261122
/** The more operations there are, the fewer calls of each. */
const callsInAll = soak ? 30_000 : 500
const runsPerCaller = Math.max(8, Math.floor(callsInAll / (operations.length * triedRoles.length)))

let api: TestApi
let installed: Installed

beforeAll(async () => {
  api = await openTestApi({ environment: { TRUSTED_PROXIES: '127.0.0.1' } })
  installed = await readInstalled(api)
})

afterAll(() => api.close())

test.each(operations)(
  '$name answers over tRPC whatever anybody sends',
  { timeout: soak ? 600_000 : 60_000, tags: 'soak' },
  async ({ name, operation }) => {
    const documented = documentedOperation(installed.document, name)
    const everyone = await makeFuzzCallers(api)
    const names = await prepare(api, name, everyone)
    const callers = everyone.filter(({ role }) => triedRoles.includes(role))
    const served = new Set<FuzzRole>()

    const trials = callers.map((caller, index) => {
      const inputs = fuzzedInput(documented, vocabularyOf(caller, installed, names), seedsOf(name, caller))
      // The HTTP parser itself refuses longer addresses, some by closing the connection.
      const json = operation.type === 'query' ? inputs.filter(({ length }) => length < 5_000) : inputs
      const calls = fc.record({
        json,
        meta: fc.option(annotations(Object.keys(operation.input.shape)), { freq: 1 }),
        batch: fc.boolean(),
      })
      const property = fc.asyncProperty(calls, caller.credentials, async ({ json, meta, batch }, credentials) => {
        const input = meta === null ? `{"json":${json}}` : `{"json":${json},"meta":${meta}}`
        const reply = await call(operation.type, name, { input, batch, headers: credentials })
        if (reply.status === 200) served.add(caller.role)
        expect(faultsOf(reply)).toEqual([])
      })
      return fc.assert(property, { seed: seed + index, numRuns: runsPerCaller })
    })
    const failed = (await Promise.allSettled(trials)).find((trial) => trial.status === 'rejected')
    if (failed) throw failed.reason

    expect(served.size).toBeGreaterThan(0)
    if (documented.secured) expect(served).not.toContain('anonymous')
  },
)

function call(
  type: 'query' | 'mutation',
  name: string,
  { input, batch, headers }: { input: string; batch: boolean; headers: Record<string, string> },
): Promise<Reply> {
  const body = batch ? `{"0":${input}}` : input
  const query = new URLSearchParams({ ...(batch ? { batch: '1' } : {}), ...(type === 'query' ? { input: body } : {}) })
  const sending = type === 'query' ? {} : { body, headers: { 'content-type': 'application/json' } }
  return api.send(`/trpc/${name}?${query}`, {
    ...sending,
    headers: { ...headers, ...sending.headers, ...freshAddress() },
  })
}

function faultsOf(reply: Reply): string[] {
  const [answer] = Array.isArray(reply.json) ? reply.json : [reply.json]
  if (reply.status === 200) return answer?.result ? [] : [`no result: ${reply.text}`]
  const { success, data } = problemSchema.safeParse(answer?.error?.json?.data?.problem)
  if (!success) return [`${reply.status} without a problem document: ${reply.text}`]
  const known = data.status === reply.status && data.code !== 'internal'
  return reply.status < 500 && known ? [] : [`${reply.status} ${data.code}: ${data.detail}`]
}

/** superjson's own part of a call, which says as what values are to be read: dates, maps, errors, circles. */
function annotations(fields: string[]) {
  const types = fc.constantFrom<unknown>(
    ...['undefined', 'Date', 'bigint', 'regexp', 'set', 'map', 'number', 'URL', 'Error', 'nonsense', '__proto__'],
    ...[
      ['class', 'Object'],
      ['custom', 'x'],
      ['symbol', 'x'],
      ['typed-array', 'Uint8Array'],
      ['typed-array', 'x'],
    ],
  )
  const paths = fc.oneof(
    fc.constantFrom(
      '',
      '__proto__',
      'constructor.prototype',
      'a.b.c',
      '0',
      ...fields,
      ...fields.map((field) => `${field}.x`),
    ),
    oddText,
  )
  const tree = fc.oneof(
    fc.dictionary(paths, fc.tuple(types)),
    fc.tuple(types),
    fc.tuple(types, fc.dictionary(paths, fc.tuple(types))),
    fc.jsonValue(),
  )
  const references = fc.oneof(
    fc.dictionary(paths, fc.array(paths, { minLength: 1, maxLength: 2 })),
    fc.tuple(fc.array(paths, { minLength: 1, maxLength: 2 })),
    fc.jsonValue(),
  )
  return fc
    .oneof(
      fc.record(
        { values: tree, referentialEqualities: references, v: fc.constantFrom<unknown>(1, 2, 'x') },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    )
    .map((meta) => JSON.stringify(meta))
}
