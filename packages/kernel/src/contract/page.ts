import { z } from 'zod'
import { integer } from './wire.ts'

/** Keyset paging: what every list takes. */
export const pageInput = {
  limit: integer(1, 200).default(50),
  cursor: z.string().max(500).optional(),
}

/** What every list answers; REST adds `Link: rel="next"`. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })
