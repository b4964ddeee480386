import type { Load, Sample } from './load.ts'

/**
 * What is measured against a ceiling. What a measurement starts it gives to `held`, which lets go of it afterwards, or to
 * `kept`, for the rows after it.
 */
export interface Row {
  name: string
  ceiling: string
  /** Least ratio of the subject to its ceiling that we want. */
  goal: number
  measure(held: AsyncDisposableStack, kept: AsyncDisposableStack): Promise<Comparison>
}

export interface Comparison {
  subject: Sample
  ceiling: Sample
  /** Median over the rounds, each of which measures both. */
  ratio: number
}

/** What has no ceiling: figures of one run, each with its own goal. */
export interface FigureRow {
  name: string
  measure(held: AsyncDisposableStack): Promise<Figure[]>
}

export interface Figure {
  name: string
  value: number
  unit: string
  /** Most that we want. */
  goal: number
}

const rounds = 5
const seconds = 3

/** Measures both in turn, so that a machine that slows down slows both. */
export async function compare(subject: Load, ceiling: Load): Promise<Comparison> {
  await subject(seconds)
  await ceiling(seconds)
  const pairs: Comparison[] = []
  for (let round = 0; round < rounds; round++) {
    const left = await subject(seconds)
    const right = await ceiling(seconds)
    pairs.push({ subject: left, ceiling: right, ratio: left.requestsPerSecond / right.requestsPerSecond })
  }
  const [middle] = pairs.toSorted((left, right) => left.ratio - right.ratio).slice(Math.floor(rounds / 2))
  if (!middle) throw new Error('Nothing was measured')
  return middle
}
