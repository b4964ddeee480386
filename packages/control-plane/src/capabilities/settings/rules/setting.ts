import { z } from 'zod'

/** Least to most: an owner may write what an admin may, the platform everything. */
export const writers = ['admin', 'owner', 'platform'] as const
export type Writer = (typeof writers)[number]

export interface Annotation {
  description: string
  /** Hidden from readers without `settings:read_sensitive`. */
  sensitive?: boolean
  /** `admin` unless said otherwise. */
  writableBy?: Writer
  /** Plan feature without which the key keeps its default. */
  requiresFeature?: string
}

/** What zod itself has no place for. A section's annotation holds for every key in it that does not say otherwise. */
export const annotations = z.registry<Annotation>()

type Notes = Omit<Annotation, 'description'>

export function setting<Schema extends z.ZodType>(
  schema: Schema,
  value: z.output<Schema>,
  description: string,
  notes: Notes = {},
): z.ZodDefault<Schema> {
  const declared = z._default(schema, value as z.core.util.NoUndefined<z.output<Schema>>)
  annotations.add(declared, { description, ...notes })
  return declared
}

export const toggle = (value: boolean, description: string, notes?: Notes) =>
  setting(z.boolean(), value, description, notes)

/** A group, or an object inside one. */
export function section<Schema extends z.ZodObject>(
  schema: Schema,
  description: string,
  notes: Notes = {},
): z.ZodPrefault<Schema> {
  // Every key below has a default, so that the empty object is a valid input of each section.
  const declared = z.prefault(schema, {} as z.input<Schema>)
  annotations.add(declared, { description, ...notes })
  return declared
}
