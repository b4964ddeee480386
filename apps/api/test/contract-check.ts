import type { buildOpenApiDocument } from '@tenantry/shared/openapi/document'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Reply } from './http.ts'

type Document = ReturnType<typeof buildOpenApiDocument>
type Path = NonNullable<Document['paths']>[string]
type Operation = NonNullable<Path['get']>
type Response = Exclude<NonNullable<Operation['responses']>['200'], { $ref: string }>

export interface Exchange {
  method: string
  /** Below `/api/v1`; may carry a query. */
  path: string
  reply: Reply
}

/** What of an answer is not as the document says; empty where all is. */
export type ContractCheck = (exchange: Exchange) => string[]

const documentId = 'openapi'
const problemPointer = '/components/schemas/Problem'

/** Holds answers against an OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12. */
export function createContractCheck(document: Document): ContractCheck {
  // Not strict: the document holds keywords of OpenAPI too.
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document as AnySchema, documentId)

  const faultsOf = (pointer: string, value: unknown): string[] => {
    const validate = ajv.getSchema(`${documentId}#${pointer}`)
    if (!validate) return [`the document has no schema at ${pointer}`]
    if (validate(value)) return []
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || 'the body'} ${message}`)
  }

  return ({ method, path, reply }) => {
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
    const template = findTemplate(document, path, verb)
    const operation = template === undefined ? undefined : operationAt(document, template, verb)
    const nameless = reply.headers['x-request-id'] ? [] : ['it has no X-Request-Id']
    if (!operation)
      return [...nameless, ...mediaFaults(reply, 'application/problem+json'), ...faultsOf(problemPointer, reply.json)]
    const response = operation.responses?.[reply.status as 200] as Response | undefined
    if (!response) return [...nameless, `the status ${reply.status} is not documented`]
    const [media] = Object.keys(response.content ?? {})
    if (media === undefined || method === 'HEAD') return [...nameless, ...(reply.text === '' ? [] : ['it has a body'])]
    const place = ['paths', template ?? '', verb, 'responses', String(reply.status), 'content', media, 'schema']
    return [...nameless, ...mediaFaults(reply, media), ...faultsOf(`/${place.map(escaped).join('/')}`, reply.json)]
  }
}

function mediaFaults({ headers }: Reply, expected: string): string[] {
  const media = headers['content-type']?.split(';')[0]
  return media === expected ? [] : [`the media type is ${media}, not ${expected}`]
}

const operationAt = (document: Document, template: string, verb: string): Operation | undefined =>
  (document.paths?.[template] as Record<string, Operation> | undefined)?.[verb]

/** The template with the fewest parameters of those that fit and take the method. */
function findTemplate(document: Document, path: string, verb: string): string | undefined {
  const segments = segmentsOf(path.split('?')[0] ?? '')
  const fits = (template: string) => {
    const parts = segmentsOf(template)
    return parts.length === segments.length && parts.every((part, at) => part.startsWith('{') || part === segments[at])
  }
  const parameters = (template: string) => template.split('{').length
  return Object.keys(document.paths ?? {})
    .filter((template) => fits(template) && operationAt(document, template, verb))
    .sort((one, other) => parameters(one) - parameters(other))[0]
}

const segmentsOf = (path: string) => path.split('/').filter((segment) => segment !== '')

/** A part of a JSON pointer in a URI fragment. */
const escaped = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
