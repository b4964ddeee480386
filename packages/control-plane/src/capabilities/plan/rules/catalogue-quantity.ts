const byteUnits: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1000],
  ['MB', 1000 ** 2],
  ['GB', 1000 ** 3],
  ['TB', 1000 ** 4],
  ['PB', 1000 ** 5],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
  ['TiB', 1024 ** 4],
  ['PiB', 1024 ** 5],
])

const quantityPattern = /^(?<digits>\d+|\d{1,3}(?:_\d{3})+)(?: ?(?<unit>[A-Za-z]+))?$/

export interface QuantityRange {
  minimum: number
  maximum: number
  /** Whether a size such as `5 GiB` is meant too, in bytes. */
  sizes?: boolean
}

export const wholeNumber: QuantityRange = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }

/**
 * Reads `5000`, `5_000` or, where sizes are meant, `5 GiB`. Undefined for anything else, also for what a number cannot
 * hold exactly.
 */
export function parseQuantity(value: unknown, { minimum, maximum, sizes = false }: QuantityRange): number | undefined {
  const amount = typeof value === 'string' ? amountOf(value, sizes) : value
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount)) return undefined
  return amount >= minimum && amount <= maximum ? amount : undefined
}

function amountOf(text: string, sizes: boolean): number | undefined {
  const { digits, unit } = quantityPattern.exec(text)?.groups ?? {}
  if (digits === undefined) return undefined
  const amount = Number(digits.replaceAll('_', ''))
  if (unit === undefined) return amount
  const bytes = byteUnits.get(unit)
  return sizes && bytes !== undefined ? amount * bytes : undefined
}
