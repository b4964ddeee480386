import type { Meter } from './catalogue.ts'

/** As people read it. */
export const meterName = ({ key }: Pick<Meter, 'key'>) => key.replaceAll('_', ' ')

const figures = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })

/** In the unit that people see. */
export const meterAmount = ({ unit, displayUnit }: Pick<Meter, 'unit' | 'displayUnit'>, amount: number) =>
  displayUnit ? `${figures.format(amount / displayUnit.size)} ${displayUnit.name}` : `${figures.format(amount)} ${unit}`
