import { defineEntity, p } from '@mikro-orm/core'
import { defineErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import { tenantColumns, tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'
import { router } from '@tenantry/kernel/trpc/init'
import { expect, test } from 'vitest'
import { entityFindings } from './conformance-entities.fixture.ts'
import {
  capabilitiesFolder,
  catalogueFindings,
  fileNameFindings,
  throwFindings,
  undeclaredThrowFindings,
} from './conformance-sources.fixture.ts'

const service = `${capabilitiesFolder}/note/service.ts`

test.each([
  ['an AppError made by hand', `throw new AppError('conflict', 'note.burnt', '')`, /makes an AppError by hand/],
  ['one made from its class', `class BurntError extends AppError {}\nreturn new BurntError('gone')`, /by hand/],
  ['a TRPCError', `import { TRPCError } from '@trpc/server'`, /uses TRPCError/],
  ['a code as text', `throw new Error('note.burnt')`, /error code as text/],
])('%s is found', (_, text, message) => {
  expect(throwFindings(new Map([[service, text]]))).toContainEqual({
    subject: `file ${service}`,
    message: expect.stringMatching(message),
  })
})

test('a declared error may be thrown, and the kernel may make errors', () => {
  const sources = new Map([
    [service, `if (!note) throw noteErrors.not_found({}, 'See note.body. It is gone.')`],
    ['packages/kernel/src/errors/to-trpc-error.ts', `return new TRPCError({ cause: new AppError('internal') })`],
  ])
  expect(throwFindings(sources)).toEqual([])
})

const noteErrors = defineErrors('note', { burnt: { kind: 'conflict', message: 'This note is burnt.' } })

test('a group of errors that no catalogue lists, and a code with two meanings, are found', () => {
  const again = defineErrors('note', { burnt: { kind: 'not_found', message: 'There is no note.' } })
  expect(catalogueFindings({ noteErrors }, [requestErrors])).toEqual([
    { subject: 'errors noteErrors', message: expect.stringMatching(/in no catalogue/) },
  ])
  expect(catalogueFindings({ noteErrors, again }, [noteErrors, again])).toEqual([
    { subject: 'error note.burnt', message: expect.stringMatching(/declared twice/) },
  ])
})

test('an error that a service throws and no operation declares is found, the errors of the pipeline are not', () => {
  const text = `throw noteErrors.burnt()\nthrow requestErrors.invalid()\nthrow noteErrors.burnt({}, 'Again.')`
  const known = { declared: { noteErrors, requestErrors }, pipeline: [requestErrors] }
  for (const path of [service, `${capabilitiesFolder}/note/service/burn.ts`]) {
    expect(undeclaredThrowFindings(new Map([[path, text]]), router({}), known)).toEqual([
      { subject: `file ${path}`, message: expect.stringMatching(/note\.burnt, which no operation declares/) },
    ])
  }
})

test('only the names of roles are names of files', () => {
  const sound = [
    'note/contract.ts',
    'note/service/burn.ts',
    'note/rules/ink.ts',
    'note/rules/paper/weight.ts',
    'note/service-burning.test.ts',
    'note/service.fixture.ts',
    'note/factory.ts',
  ]
  const unsound = [
    'note/helpers.ts',
    'note/Service.ts',
    'note/queries/find.ts',
    'note/service/a/b.ts',
    'note.ts',
    'note/ink.md',
  ]
  expect(fileNameFindings([...sound, ...unsound]).map(({ subject }) => subject)).toEqual(
    unsound.map((path) => `file ${capabilitiesFolder}/${path}`),
  )
})

const note = (name: string, changes: object = {}) =>
  defineEntity({
    name,
    tableName: name.toLowerCase(),
    ...tenantScoped,
    properties: { ...tenantColumns, title: p.string() },
    ...changes,
  })

test.each([
  ['a table without row-level security', { rowLevelSecurity: undefined }, /under no row-level security/],
  ['a table in another schema', { schema: 'public' }, /under no row-level security/],
  ['queries without the tenant', { filters: {} }, /adds no tenant/],
  ['a key without the tenant', { properties: { id: p.uuid().primary(), tenantId: p.uuid() } }, /\(id\) does not begin/],
  ['a unique constraint without the tenant', { uniques: [{ properties: ['title'] }] }, /\(title\) does not begin/],
  [
    'a column that is unique across tenants',
    { properties: { tenantId: tenantId(), tag: p.string().unique() } },
    /tag is unique/,
  ],
  ['a policy left out', { policies: tenantPolicies().slice(1) }, /tenant_isolation is not the common one/],
  [
    'a policy that lets more through',
    { policies: tenantPolicies().map((policy) => ({ ...policy, using: 'true' })) },
    /platform_read is not the common one/,
  ],
])('%s is found', async (_, changes, message) => {
  const entity = note('Note', changes)
  const found = await entityFindings([entity], { tenantTables: [entity], platformTables: [] })
  expect(found).toContainEqual({ subject: 'entity Note', message: expect.stringMatching(message) })
})

test('an entity in no list, in both, or without the reason, is found', async () => {
  const [listed, unlisted] = [note('Listed'), note('Unlisted')]
  const lists = { tenantTables: [listed], platformTables: [{ entity: listed, reason: 'so' }] }
  expect(await entityFindings([listed, unlisted], lists)).toEqual([
    { subject: 'entity Listed', message: expect.stringMatching(/twice/) },
    { subject: 'entity Unlisted', message: expect.stringMatching(/in no list/) },
    { subject: 'entity Listed', message: expect.stringMatching(/Say why/) },
  ])
  expect(await entityFindings([listed], { tenantTables: [listed], platformTables: [] })).toEqual([])
})
