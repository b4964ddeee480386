import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ onboarding: { selfService: true } })
})
afterAll(() => api.close())

let people = 0
const newPerson = () => ({ email: `person-${people++}@signup.test` })
const signUp = async (person: { email: string }, json: object, headers: Record<string, string> = {}) =>
  api.rest('/tenants', { method: 'POST', json, headers: { ...(await api.signedIn(person)), ...headers } })

test('whoever signs in for the first time makes a tenant and works in it at once', async () => {
  const person = newPerson()
  const made = await signUp(person, { name: 'Bits & Bobs' })
  expect(made).toMatchObject({ status: 201, json: { slug: 'bits-and-bobs', status: 'active', memberCount: 1 } })
  const headers = await api.signedIn(person)
  expect((await api.rest('/tenants/bits-and-bobs', { headers })).status).toBe(200)
  const other = await api.signedIn(newPerson())
  expect((await api.rest('/tenants/bits-and-bobs', { headers: other })).json).toMatchObject({
    code: 'tenant.not_found',
  })
})

test('the path of onboarding leads there too', async () => {
  const headers = await api.signedIn(newPerson())
  const made = await api.send('/api/v1/tenants/onboard/', { json: { name: 'Another way' }, headers })
  expect(made).toMatchObject({ status: 201, json: { slug: 'another-way' } })
})

test('a retry with its Idempotency-Key is answered as the first was; with another body it is refused', async () => {
  const person = newPerson()
  const key = { 'idempotency-key': 'once' }
  const first = await signUp(person, { name: 'Once only' }, key)
  const again = await signUp(person, { name: 'Once only' }, key)
  expect(again).toMatchObject({ status: 201, json: first.json })
  expect([first, again].map(({ headers }) => headers['idempotency-replayed'])).toEqual([undefined, 'true'])
  expect((await signUp(person, { name: 'Another' }, key)).json).toMatchObject({ code: 'idempotency.conflict' })
})

test('a developer reads the welcome mail in the outbox, by loopback names only', async () => {
  const person = newPerson()
  await signUp(person, { name: 'Mailed to' })
  const { status, json } = await api.send(`/dev/outbox?to=${encodeURIComponent(person.email.toUpperCase())}`)
  expect(status).toBe(200)
  expect(json).toMatchObject({ mails: [{ to: person.email, subject: 'Mailed to is ready', links: [] }] })
  const named = await api.send('/dev/outbox', { headers: { host: 'attacker.example' } })
  expect(named.status).toBe(404)
})

test('one address signs up ten times an hour, whoever it signs in as', async () => {
  let refused = 0
  for (let turn = 0; turn < 11; turn++) {
    const { status, headers } = await signUp(newPerson(), { name: `Turn ${turn}` })
    if (status === 201) continue
    refused++
    expect(status).toBe(429)
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  }
  // Those of the tests before count too.
  expect(refused).toBeGreaterThanOrEqual(1)
  const headers = await api.signedIn(newPerson())
  expect((await api.rest('/me', { headers })).status).toBe(200)
})
