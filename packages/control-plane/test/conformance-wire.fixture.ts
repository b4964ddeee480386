import type { z } from 'zod'
import type { $ZodType, $ZodTypes } from 'zod/v4/core'

const texts = ['string', 'enum', 'literal', 'template_literal']

/** Whether the REST bridge can read a value of the schema from the text of a path or query. */
export function travelsInQuery(schema: z.ZodType): boolean {
  return kindOf(schema) !== 'none'
}

function kindOf(schema: $ZodType): 'text' | 'value' | 'none' {
  const { def } = (schema as $ZodTypes)._zod
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return kindOf(def.innerType)
    case 'pipe':
      return kindOf(def.in._zod.def.type === 'transform' ? def.out : def.in)
    case 'number':
    case 'boolean':
      return 'value'
    case 'array':
      return isList(def.element) ? 'none' : kindOf(def.element) === 'none' ? 'none' : 'value'
    // The bridge leaves what may be several things as the text it came as.
    case 'union':
      return def.options.every((option) => kindOf(option) === 'text') ? 'text' : 'none'
    default:
      return texts.includes(def.type) && !isNumeric(def) ? 'text' : 'none'
  }
}

const isList = (schema: $ZodType) => (schema as $ZodTypes)._zod.def.type === 'array'

/** Enums and literals are compared with the text itself. */
function isNumeric(def: $ZodTypes['_zod']['def']): boolean {
  if (def.type === 'literal') return def.values.some((value) => typeof value !== 'string')
  if (def.type === 'enum') return Object.values(def.entries).some((value) => typeof value !== 'string')
  return false
}
