import type { Message, Paragraph } from '../../mail/index.ts'
import { type EffectiveLimit, type Meter, meterAmount, meterName } from '../../plan/index.ts'

export interface DecidedRequest {
  /** Its key alone where the catalogue has it no more. */
  meter: Meter | Pick<Meter, 'key'>
  /** What was asked for; null is unlimited. */
  value: number | null
  /** Why it was asked for. */
  reason: string
  decision: 'approved' | 'declined'
  /** Of who decided. */
  note: string
  /** What holds now; null where the catalogue does not limit the meter. */
  limit: EffectiveLimit | null
  /** The next plan that includes more, and how much (null: without end); null where there is none, or it would not help. */
  upgrade: { title: string; included: number | null } | null
}

interface Addressed {
  name: string
  slug: string
  /** Where people reach the service. */
  publicUrl: string
}

/** What was asked for and why, what came of it, what holds now, and what to do next. */
export function decisionMessage(decided: DecidedRequest, tenant: Addressed): Message {
  const { meter, value, reason, decision, note, limit } = decided
  const about = 'description' in meter ? ` (${meter.description.replace(/\.$/, '')})` : ''
  const facts = [
    ['Meter', `${meterName(meter)}${about}`] as const,
    ['Asked for', amountOf(meter, value)] as const,
    ['Because', reason] as const,
    ['Decision', decision] as const,
    ['Note', note] as const,
    ['In force now', inForce(meter, limit)] as const,
  ]
  return {
    subject: `${tenant.name}: request for ${meterName(meter)} ${decision}`,
    paragraphs: [
      `The request of ${tenant.name} for more of ${meterName(meter)} was ${decision}.`,
      { facts },
      ...(decision === 'approved' ? whatHolds : whatToDo(decided, tenant)),
      { url: tenant.publicUrl, label: 'To the service' },
    ],
  }
}

const whatHolds = [
  'What happens next: it holds from now on, in place of what the plan allows, and what was refused before can be tried again. There is nothing to do.',
]

function whatToDo({ meter, upgrade }: DecidedRequest, { slug }: Addressed): Paragraph[] {
  const included = upgrade && amountOf(meter, upgrade.included, 'any amount')
  const upgrading = upgrade ? ` Or upgrade: the plan ${upgrade.title} includes ${included}.` : ''
  return [
    'What happens next: nothing changes.',
    `What to do: see what the note says; the meter may be asked for again (limits.request: POST /api/v1/tenants/${slug}/limits/requests with the meter ${meter.key}).${upgrading}`,
  ]
}

function inForce(meter: DecidedRequest['meter'], limit: EffectiveLimit | null): string {
  if (limit === null) return amountOf(meter, null)
  const { limit: included, hardLimit, graceDays } = limit
  if (included === null || hardLimit === null || hardLimit <= included) return amountOf(meter, included)
  const days = graceDays === 1 ? 'one day' : `${graceDays} days`
  return `${amountOf(meter, included)}, and up to ${amountOf(meter, hardLimit)} in a grace of ${days}`
}

function amountOf(meter: DecidedRequest['meter'], amount: number | null, unlimited = 'no limit'): string {
  if (amount === null) return unlimited
  return 'unit' in meter ? meterAmount(meter, amount) : String(amount)
}
