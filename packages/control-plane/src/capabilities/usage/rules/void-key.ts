/** What an event against another is counted once by: the space keeps it apart from every key of a caller. */
export const voidKeyOf = (eventId: string) => `void ${eventId}`

/** The event that one with this key takes back; null where it takes back none. */
export const voidedBy = (key: string | null | undefined) =>
  key?.startsWith('void ') ? key.slice('void '.length) : null

/** A key with a space is one of ours. */
export const callersKey = (key: string | null | undefined) => (key?.includes(' ') ? null : (key ?? null))
