import type { oas31 } from 'zod-openapi'

/** Requests and answers of a running service, for readers of the document. */
export interface DocumentExamples {
  /** By the operation's name: a body it was sent, and what it answered. */
  operations: Readonly<Record<string, { body?: unknown; answer?: unknown }>>
  /** One problem of each error code. */
  problems: Readonly<Record<string, unknown>>
}

export const noExamples: DocumentExamples = { operations: {}, problems: {} }

export function problemExamples({ problems }: DocumentExamples): NonNullable<oas31.ComponentsObject['examples']> {
  return Object.fromEntries(Object.entries(problems).map(([code, value]) => [code, { value }]))
}

/** References to those of the codes that have an example. */
export function exampleReferences(codes: readonly string[], { problems }: DocumentExamples) {
  const shown = codes.filter((code) => code in problems)
  if (shown.length === 0) return {}
  return { examples: Object.fromEntries(shown.map((code) => [code, { $ref: `#/components/examples/${code}` }])) }
}
