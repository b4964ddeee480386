import type { $ZodType, $ZodTypes } from 'zod/v4/core'

/** Turns the text of a query or path into the value its schema names; text that does not fit stays for zod to refuse. */
export type Coercion = (value: string | string[]) => unknown

const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

// tRPC shares the schemas: they are read here, never marked as coercing.
export function coercionOf(schema: $ZodType): Coercion {
  const def = wireDefinition(schema)
  switch (def.type) {
    case 'number':
      return (value) => (typeof value === 'string' && jsonNumber.test(value) ? Number(value) : value)
    case 'boolean':
      return (value) => (value === 'true' ? true : value === 'false' ? false : value)
    case 'array': {
      const element = coercionOf(def.element)
      return (value) => (Array.isArray(value) ? value : [value]).map((item) => element(item))
    }
    default:
      return (value) => value
  }
}

function wireDefinition(schema: $ZodType): $ZodTypes['_zod']['def'] {
  const { def } = (schema as $ZodTypes)._zod
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return wireDefinition(def.innerType)
    case 'pipe':
      return wireDefinition(isTransform(def.in) ? def.out : def.in)
    case 'lazy':
      return wireDefinition(def.getter())
    default:
      return def
  }
}

function isTransform(schema: $ZodType): boolean {
  return schema._zod.def.type === 'transform'
}
