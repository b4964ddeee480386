import { load, type Sample, type Target } from './load.ts'

export interface Row {
  name: string
  ceiling: string
  /** Least ratio of the subject to its ceiling that we want. */
  goal: number
  measure(): Promise<Comparison>
}

export interface Comparison {
  subject: Sample
  ceiling: Sample
  /** Median over the rounds, each of which measures both. */
  ratio: number
}

const rounds = 5
const seconds = 3

/** Measures both in turn, so that a machine that slows down slows both. */
export async function compare(subject: Target, ceiling: Target): Promise<Comparison> {
  await load(subject, seconds)
  await load(ceiling, seconds)
  const pairs: { subject: Sample; ceiling: Sample; ratio: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const left = await load(subject, seconds)
    const right = await load(ceiling, seconds)
    pairs.push({ subject: left, ceiling: right, ratio: left.requestsPerSecond / right.requestsPerSecond })
  }
  const [middle] = pairs.toSorted((left, right) => left.ratio - right.ratio).slice(Math.floor(rounds / 2))
  if (!middle) throw new Error('Nothing was measured')
  return middle
}
