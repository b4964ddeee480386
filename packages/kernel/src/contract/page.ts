import { z } from 'zod'
import { integer } from './wire.ts'

/** Keyset paging: what every list takes. */
export const pageInput = {
  limit: integer(1, 200).default(50),
  cursor: z.string().max(500).optional(),
}

/** Of lists in the order of ids: the cursor is the last id of the page before. */
export const idPageInput = {
  ...pageInput,
  cursor: z.uuid('Expected the nextCursor of a page.').optional(),
}

/** What every list answers; REST adds `Link: rel="next"`. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })

/** `rows` hold one more than the limit where there is a next page. */
export function pageById<Row extends { id: string }>(rows: Row[], limit: number) {
  const items = rows.slice(0, limit)
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
