import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation

beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('only operators see how the installation is kept apart', async () => {
  const { user, tenant, caller } = await installation.enter()
  const refused = { code: 'auth.permission_denied' }
  await expect(caller.platform.isolation()).rejects.toMatchObject(refused)
  await expect(installation.callerAs(user).platform.isolation()).rejects.toMatchObject(refused)
  const service = installation.callerAs({ type: 'service', name: 'product' }, tenant.slug)
  await expect(service.platform.isolation()).rejects.toMatchObject(refused)
})

test('the record and the keys show themselves to a signed operator only', async () => {
  const { database } = installation
  const seen = await database.rehearse('operators', async ({ query, as }) => {
    const read = async () => [
      await query('select * from tenancy.recorded_declarations()'),
      await query('select * from tenancy.valid_signing_keys()'),
    ]
    const unsigned = await read()
    await as({ operator: { type: 'system', name: 'test' } })
    return { unsigned, signed: await read() }
  })
  expect(seen.unsigned).toEqual([[], []])
  expect(seen.signed.map((rows) => rows.length)).toEqual([1, 1])
  expect(Object.keys((seen.signed[1] as object[])[0] ?? {})).toEqual(['kid', 'created_at', 'retires_at', 'signs'])
  for (const fn of ['recorded_declarations', 'valid_signing_keys']) {
    const asApplication = database.rehearse('users', ({ query }) => query(`select * from tenancy.${fn}()`))
    await expect(asApplication).rejects.toMatchObject({ code: '42501' })
  }
})

test('a rehearsal leaves nothing behind, neither rows nor its context', async () => {
  const { id } = await installation.createTenant()
  const rename = installation.database.rehearse('operators', async ({ query, as }) => {
    await as({ tenantId: id })
    await query(`update tenantry.tenants set name = 'Renamed'`)
    return query('select name from tenantry.tenants')
  })
  expect(await rename).toEqual([{ name: 'Renamed' }])
  const [after] = await installation.database.rehearse('operators', async ({ query, as }) => {
    expect(await query('select name from tenantry.tenants')).toEqual([])
    await as({ tenantId: id })
    return query<{ name: string }>('select name from tenantry.tenants')
  })
  expect(after?.name).not.toBe('Renamed')
})
