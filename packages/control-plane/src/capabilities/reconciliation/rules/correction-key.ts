export interface Corrected {
  meter: string
  period: string
}

/**
 * What the nth correction of a meter in a period is counted once by: of two that saw the same, one counts. The spaces keep
 * it apart from every key of a caller.
 */
export const correctionKeyOf = ({ meter, period }: Corrected, nth: number) => `counted ${meter} ${period} ${nth}`
