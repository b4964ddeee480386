import { randomFillSync } from 'node:crypto'
import { v7, validate } from 'uuid'

/** A call for randomness costs ten times what an id does otherwise: one serves many. */
const randomness = new Uint8Array(16 * 256)
let used = randomness.length

const last = { msecs: 0, seq: 0 }

/**
 * UUID version 7: sorted by time of making, in this process also within a millisecond (RFC 9562, section 6.2, method 1).
 * Made here because PostgreSQL makes them only from 18 on.
 */
export function newId(): string {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  const random = randomness.subarray(used, used + 16)
  used += 16
  const now = Date.now()
  if (now > last.msecs) {
    last.msecs = now
    // Half of what fits is left to count on.
    last.seq = new DataView(random.buffer, random.byteOffset).getUint32(6) >>> 1
  } else last.seq += 1
  return v7({ ...last, random })
}

export const isUuid = (text: unknown): text is string => validate(text)
