import type { Comparison, Figure } from './row.ts'

export interface RowResult extends Comparison {
  name: string
  against: string
  goal: number
}

export interface Failure {
  name: string
  error: string
}

export interface Results {
  rows: RowResult[]
  figures: Figure[]
  failures: Failure[]
}

/** The names of what was measured and is not as good as we want it. */
export function missedGoals({ rows, figures }: Results): string[] {
  return [
    ...rows.filter(({ ratio, goal }) => ratio < goal).map(({ name }) => name),
    ...figures.filter(({ value, goal }) => value > goal).map(({ name }) => name),
  ]
}

/** A table for each kind that there is something of. */
export function formatResults({ rows, figures }: Results): string {
  const ratios = rows.map(({ name, subject, ceiling, ratio, goal }) => [
    name,
    perSecond(subject.requestsPerSecond),
    subject.p50Milliseconds.toFixed(1),
    subject.p99Milliseconds.toFixed(1),
    perSecond(ceiling.requestsPerSecond),
    ratio.toFixed(2),
    `≥ ${goal}`,
  ])
  const plain = figures.map(({ name, value, unit, goal }) => [name, `${inDigits(value)} ${unit}`, `≤ ${goal} ${unit}`])
  return [
    ...table(['what', 'per second', 'p50 ms', 'p99 ms', 'ceiling per second', 'ratio', 'goal'], ratios),
    ...table(['what', 'measured', 'goal'], plain),
  ].join('\n')
}

function table(head: string[], lines: string[][]): string[] {
  if (lines.length === 0) return []
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...lines.map(line), '']
}

const perSecond = (value: number) => Math.round(value).toLocaleString('en')
const inDigits = (value: number) => value.toFixed(value < 10 ? 2 : 0)
