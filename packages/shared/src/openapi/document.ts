import { problemSchema } from '@tenantry/kernel/contract/problem'
import type { AnyTRPCRouter } from '@trpc/server'
import { generateOpenApiDocument } from 'trpc-to-openapi'
import type { oas31 } from 'zod-openapi'
import { headers, parameters, securitySchemes } from './document-components.ts'
import { type DocumentExamples, noExamples, problemExamples } from './document-examples.ts'
import { completeOperation } from './document-operation.ts'
import { type RestProcedure, restProcedures } from './rest-procedure.ts'

export interface DocumentOptions {
  /** Where the REST door is mounted, `/api/v1` or with an origin before it; every path is below it. */
  serverUrl: string
  /** Of the API, a semantic version. */
  version: string
  examples?: DocumentExamples
}

const title = 'Tenantry API'
const description = `The control plane of a multi-tenant product: tenants, members, quotas, settings and audit.

Errors are problem documents (RFC 9457) with a stable \`code\`. Timestamps are ISO 8601 in UTC. Lists are paged by
\`limit\` and \`cursor\`. Bodies are JSON in UTF-8; unknown fields are refused by name.`

/** The OpenAPI 3.1 document of every operation in the router; the same router gives the same document. */
export function buildOpenApiDocument(
  router: AnyTRPCRouter,
  { serverUrl, version, examples = noExamples }: DocumentOptions,
): oas31.OpenAPIObject {
  const procedures = restProcedures(router)
  const generated = generate(router, serverUrl, version)
  const paths = generated.paths ?? {}
  for (const procedure of procedures) completePath(paths, procedure, examples)
  const schemas = withoutEchoedPatterns(generated.components?.schemas ?? {})
  return {
    openapi: generated.openapi,
    info: generated.info,
    servers: [{ url: serverUrl }],
    tags: describeTags(procedures),
    paths: withoutEchoedPatterns(paths),
    components: usedComponents(
      { schemas, parameters, headers, securitySchemes, examples: problemExamples(examples) },
      paths,
    ),
  }
}

function generate(router: AnyTRPCRouter, serverUrl: string, version: string): oas31.OpenAPIObject {
  return generateOpenApiDocument(router, {
    title,
    description,
    version,
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    baseUrl: serverUrl,
    openApiVersion: '3.1.0',
    defs: { Problem: problemSchema },
  })
}

function completePath(paths: oas31.PathsObject, procedure: RestProcedure, examples: DocumentExamples): void {
  const { method, path } = procedure.operation.rest
  const item = paths[path]
  const verb = method.toLowerCase() as Lowercase<typeof method>
  const operation = item?.[verb]
  if (!item || !operation) throw new Error(`${procedure.name}: the generator left out ${method} ${path}`)
  item[verb] = completeOperation(operation, procedure, examples)
}

/** In the order of the router, which is the table of contents; a tag is described by what its operations do. */
function describeTags(procedures: RestProcedure[]): oas31.TagObject[] {
  const byTag = Map.groupBy(procedures, ({ operation }) => operation.rest.tags[0])
  return [...byTag].map(([name, tagged]) => ({
    name,
    description: `${tagged.map(({ operation }) => operation.rest.summary).join(' · ')}.`,
  }))
}

/** Zod spells formats out as regular expressions of hundreds of characters; `format` says the same. */
function withoutEchoedPatterns<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (!isSpelledOut(part)) return part
      const { pattern: _pattern, ...rest } = part
      return rest
    }),
  )
}

function isSpelledOut(part: unknown): part is { format: string; pattern: string } {
  if (typeof part !== 'object' || part === null || !('format' in part) || !('pattern' in part)) return false
  return ['date-time', 'date', 'uuid', 'email'].includes(String(part.format))
}

/** Leaves out what nothing refers to, the generator's own error schemas among it. */
function usedComponents(components: oas31.ComponentsObject, paths: oas31.PathsObject): oas31.ComponentsObject {
  const text = JSON.stringify([paths, components.schemas])
  const kinds = Object.entries(components).map(([kind, entries]) => {
    const used = Object.entries(entries).filter(
      ([name]) => kind === 'securitySchemes' || text.includes(`"#/components/${kind}/${name}"`),
    )
    return [kind, Object.fromEntries(used)]
  })
  return Object.fromEntries(kinds)
}
