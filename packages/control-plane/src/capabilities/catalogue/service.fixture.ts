import { readFileSync } from 'node:fs'
import type { PlanCatalogue } from '../plan/index.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'

const file = new URL('../../../catalogue/default.yaml', import.meta.url)

/** The default catalogue with a few texts in it replaced. */
export function catalogueWith(replaced: Record<string, string>): PlanCatalogue {
  return parseCatalogue(catalogueText(replaced), 'catalogue.yaml')
}

export function catalogueText(replaced: Record<string, string>): string {
  return Object.entries(replaced).reduce(
    (text, [before, after]) => {
      if (!text.includes(before)) throw new Error(`The default catalogue has no ${before}`)
      return text.replace(before, after)
    },
    readFileSync(file, 'utf8'),
  )
}

/** The default catalogue without one of its plans, which must not be the last. */
export const catalogueWithout = (plan: string): string =>
  catalogueText({}).replace(new RegExp(`^  ${plan}:\\n[\\s\\S]*?^(?=  [a-z]+:)`, 'm'), '')

/** The text of a catalogue without one of its meters, and what it says of it. */
export const withoutMeter = (text: string, meter: string): string =>
  text
    .replace(new RegExp(`^  ${meter}:\\n[\\s\\S]*?^(?= {0,2}[a-z_]+:)`, 'm'), '')
    .replaceAll(new RegExp(`^ +${meter}: .*\\n`, 'gm'), '')
