import { appRouter } from '@tenantry/control-plane'
import { type CataloguedError, errorCatalogue, remedyOf } from '@tenantry/control-plane/error-catalogue'
import { errorKinds } from '@tenantry/kernel/errors/app-error'
import { pipelineErrors } from '@tenantry/shared/openapi/document-errors'
import { type RestProcedure, restProcedures, subscriptions } from '@tenantry/shared/openapi/rest-procedure'
import { z } from 'zod'

const introduction = `\
# Errors

Generated from the error catalogue by \`npx -y pnpm generate-docs\`; do not edit.

A refused call answers \`application/problem+json\` (RFC 9457) on REST; on tRPC the same object stands in
\`error.data.problem\`; in process it is thrown as an error with the same \`code\`. Decide by \`code\`: it never changes its
meaning, and \`type\` is \`urn:tenantry:error:\` before it. \`detail\` is for people, and may change.

Report an error with its \`requestId\`: the log has it too. *From* names procedures and their routes below \`/api/v1\`.
`

/** `docs/errors.md`: what each code means, where it comes from, and what to do about it. */
export function errorsPage(): string {
  const operations = restProcedures(appRouter)
  return [introduction, table(errorCatalogue), ...errorCatalogue.map((error) => section(error, operations))].join('\n')
}

const statusOf = ({ kind }: CataloguedError) => errorKinds[kind]

function table(errors: readonly CataloguedError[]): string {
  const rows = errors.map(
    (error) => `| [\`${error.code}\`](#${anchor(error)}) | ${statusOf(error)} | ${error.message} |`,
  )
  return ['| Code | Status | Meaning |', '|---|---|---|', ...rows, ''].join('\n')
}

/** As GitHub makes anchors of headings. */
const anchor = ({ code }: CataloguedError) => code.replaceAll(/[^\w-]/g, '')

function section(error: CataloguedError, operations: readonly RestProcedure[]): string {
  return `\
## ${error.code}

${error.message}

- **Status**: ${statusOf(error)}
- **Kind**: \`${error.kind}\`
- **From**: ${[...origins(error, operations)].join('; ')}
- **What to do**: ${remedyOf(error)}
`
}

/** What is refused with the error, and what tells it in an answer. */
function* origins(error: CataloguedError, operations: readonly RestProcedure[]): Generator<string> {
  const refused = refusedBy(error, operations)
  const telling = operations.filter(({ operation }) => answersOf(operation).includes(`"${error.code}"`))
  if (refused !== null) yield refused
  if (telling.length > 0) yield `told in the answer of ${names(telling)}`
  if (refused === null && telling.length === 0) yield 'no operation of this version'
}

const answersOf = ({ output }: RestProcedure['operation']) => {
  const known = answers.get(output) ?? JSON.stringify(z.toJSONSchema(output, { io: 'output', unrepresentable: 'any' }))
  answers.set(output, known)
  return known
}

const answers = new Map<z.ZodType, string>()

function refusedBy({ code }: CataloguedError, operations: readonly RestProcedure[]): string | null {
  const refuses = ({ operation }: RestProcedure) =>
    [...pipelineErrors(operation), ...operation.errors].some((error) => error.code === code)
  if (code.startsWith('idempotency.')) {
    const others = operations.filter((operation) => operation.operation.rest.method === 'POST' && !refuses(operation))
    return `every \`POST\` with an \`Idempotency-Key\`${exceptFor(others)}`
  }
  const refusing = operations.filter(refuses)
  if (refusing.length === 0) {
    const ending = subscriptions(appRouter).filter(({ operation }) =>
      operation.errors.some((error) => error.code === code),
    )
    if (ending.length > 0) return ending.map(({ name }) => `\`${name}\` (by tRPC)`).join(', ')
    return code.startsWith('request.') ? 'the door, where no operation is reached' : null
  }
  const inTenant = operations.filter(({ operation }) => operation.unitOfWork === 'tenant')
  for (const [scope, those] of [
    ['every operation', operations] as const,
    ['every operation in a tenant', inTenant] as const,
  ]) {
    const others = those.filter((operation) => !refuses(operation))
    if (!refusing.every((operation) => those.includes(operation)) || others.length * 2 > refusing.length) continue
    return `${scope}${exceptFor(others)}`
  }
  return names(refusing)
}

const exceptFor = (operations: readonly RestProcedure[]) => (operations.length === 0 ? '' : ` but ${names(operations)}`)

const names = (operations: readonly RestProcedure[]) =>
  operations.map(({ name, operation: { rest } }) => `\`${name}\` (\`${rest.method} ${rest.path}\`)`).join(', ')
