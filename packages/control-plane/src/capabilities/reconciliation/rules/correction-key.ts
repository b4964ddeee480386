/** What a correction was made after: what a table of the product says, or the events themselves. */
export type ComparedWith = 'source' | 'events'

export interface Corrected {
  meter: string
  period: string
  comparedWith: ComparedWith
}

/**
 * What the nth correction of a meter in a period is counted once by: of two that saw the same, one counts. The spaces keep
 * it apart from every key of a caller.
 */
export const correctionKeyOf = ({ meter, period, comparedWith }: Corrected, nth: number) =>
  `${prefixes[comparedWith]} ${meter} ${period} ${nth}`

/** A counter that lost count of its events is put right by an event that must not be one of them. */
export const recountedKeys = 'recounted %'

const prefixes = { source: 'counted', events: 'recounted' } as const
