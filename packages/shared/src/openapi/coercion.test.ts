import { expect, test } from 'vitest'
import { z } from 'zod'
import { coercionOf } from './coercion.ts'

test('looks through every wrapper of a schema', () => {
  const wrapped = {
    optional: z.number().optional(),
    nullable: z.number().nullable(),
    default: z.number().default(1),
    prefault: z.number().prefault(1),
    readonly: z.number().readonly(),
    catch: z.number().catch(1),
    nonoptional: z.number().optional().nonoptional(),
    lazy: z.lazy(() => z.number()),
    transform: z.number().transform(String),
    preprocess: z.preprocess((value) => value, z.number()),
    refine: z.int().refine((value) => value > 1),
    nested: z.number().nullable().default(1).optional().readonly(),
  }
  for (const [name, schema] of Object.entries(wrapped)) expect([name, coercionOf(schema)('5')]).toEqual([name, 5])
})

test('leaves text as it is where a schema could mean text', () => {
  for (const schema of [z.string(), z.union([z.number(), z.string()]), z.enum(['5']), z.unknown(), z.iso.datetime()]) {
    expect(coercionOf(schema)('5')).toBe('5')
  }
})

test('reads a schema without changing it', () => {
  const schema = z.object({ flag: z.boolean().optional(), count: z.int() })
  for (const field of Object.values(schema.shape)) coercionOf(field)('true')
  expect(schema.safeParse({ flag: 'true', count: '1' }).success).toBe(false)
})
