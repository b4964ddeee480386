import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { type ContractCheck, createContractCheck } from './contract-check.ts'
import { documentedOperation, type FuzzedRequest, fuzzedRequest } from './document-fuzz-requests.ts'
import { operations } from './doors.ts'
import type { Reply } from './http.ts'
import {
  type FuzzCaller,
  freshAddress,
  fuzzRoles,
  type Installed,
  makeFuzzCallers,
  prepare,
  readInstalled,
  seedsOf,
  vocabularyOf,
} from './traffic-fuzz-world.ts'

const soak = inject('soak')
/**
 * Fixed, so that a failure is there again in the next run; the long run tries something else each time. fast-check names
 * the seed with the smallest request that fails.
 */
const seed = soak ? Date.now() % 2 ** 31 : 20261121
/** The more operations there are, the fewer requests to each. */
const requestsInAll = soak ? 60_000 : 1_000
const runsPerCaller = Math.max(6, Math.floor(requestsInAll / (operations.length * fuzzRoles.length)))

let api: TestApi
let check: ContractCheck
let installed: Installed

beforeAll(async () => {
  api = await openTestApi({ environment: { TRUSTED_PROXIES: '127.0.0.1' } })
  installed = await readInstalled(api)
  check = createContractCheck(installed.document)
})

afterAll(() => api.close())

test.each(operations)(
  '$name answers whatever anybody sends as the document says',
  { timeout: soak ? 600_000 : 60_000, tags: 'soak' },
  async ({ name }) => {
    const operation = documentedOperation(installed.document, name)
    const callers = await makeFuzzCallers(api)
    const names = await prepare(api, name, callers)
    const answered: { role: FuzzCaller['role']; status: number }[] = []

    const trials = callers.map((caller, index) => {
      const requests = fuzzedRequest(operation, vocabularyOf(caller, installed, names), seedsOf(name, caller))
      const property = fc.asyncProperty(requests, caller.credentials, async (request, credentials) => {
        const reply = await sendFuzzed(request, credentials)
        answered.push({ role: caller.role, status: reply.status })
        expect({ as: caller.role, faults: faultsOf(request, reply, caller) }).toEqual({ as: caller.role, faults: [] })
      })
      return fc.assert(property, {
        seed: seed + index,
        numRuns: operation.body ? runsPerCaller : Math.max(6, Math.ceil(runsPerCaller / 2)),
      })
    })
    const failed = (await Promise.allSettled(trials)).find((trial) => trial.status === 'rejected')
    if (failed) throw failed.reason

    const served = new Set(answered.filter(({ status }) => status < 300).map(({ role }) => role))
    if (operation.secured) expect(served).not.toContain('anonymous')
    expect(served).not.toContain('broken token')
    // A fuzzer that is refused at the door finds nothing behind it.
    expect(served.size).toBeGreaterThan(0)
    const fromServed = answered.filter(({ role }) => served.has(role))
    const reached = fromServed.filter(({ status }) => status < 400 || [409, 412, 422].includes(status))
    expect(reached.length / fromServed.length).toBeGreaterThan(0.1)
    // An invitation rests for a minute before it is sent again.
    const tired = name === 'invitations.resend' ? 0.2 : 0.05
    expect(answered.filter(({ status }) => status === 429).length / answered.length).toBeLessThan(tired)
  },
)

const sendFuzzed = ({ method, path, headers, body }: FuzzedRequest, credentials: Record<string, string>) =>
  api.send(`/api/v1${path}`, {
    method,
    headers: { ...credentials, ...headers, ...freshAddress() },
    ...(body === undefined ? {} : { body }),
  })

function faultsOf({ method, path }: FuzzedRequest, reply: Reply, { role, foreign }: FuzzCaller): string[] {
  const mayNotSee = role !== 'platform admin' && reply.status < 300
  return [
    ...check({ method, path, reply }),
    ...(reply.status >= 500 ? [`${reply.status} ${reply.text}`] : []),
    ...(mayNotSee && reply.text.includes(foreign.id) ? ['it tells of a foreign tenant'] : []),
  ]
}
