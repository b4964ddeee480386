import { DateTime } from 'luxon'
import type { Message, Paragraph } from '../../mail/index.ts'
import { meterAmount as amountOf, type Meter, meterName as nameOf } from '../../plan/index.ts'
import { percentOf } from './ladder.ts'
import type { Alert, Standing } from './threshold.ts'

export interface ReachedThreshold extends Pick<Alert, 'percent' | 'used' | 'included' | 'graceDays'>, Standing {
  meter: Meter
  raisedAt: Date
  /** Null where the count never starts anew. */
  resetsAt: Date | null
  /** The next plan that includes more, and how much (null: without end); null where there is none. */
  upgrade: { title: string; included: number | null } | null
}

export interface Addressed {
  name: string
  slug: string
  timezone: string
  /** Where people reach the service. */
  publicUrl: string
}

/** What is used of which limit, what happens next, and what to do about it. */
export function thresholdMessage(reached: ReachedThreshold, tenant: Addressed): Message {
  const { meter, used, included, hardLimit, raisedAt } = reached
  const dated = (at: Date) => dateIn(tenant.timezone, at)
  const more = hardLimit > included ? [['Hard limit', amountOf(meter, hardLimit)] as const] : []
  const facts = [
    ['Meter', `${nameOf(meter)} (${meter.description.replace(/\.$/, '')})`] as const,
    ['Used', amountOf(meter, used)] as const,
    ['Limit', amountOf(meter, included)] as const,
    ...more,
    ['Percent', `${percentOf(used, included)} %`] as const,
    ['As of', dated(raisedAt)] as const,
  ]
  return {
    subject: `${tenant.name}: ${headline(reached)}`,
    paragraphs: [
      `${tenant.name} ${opening(reached)}`,
      { facts },
      `What happens next: ${whatHappens(reached, dated)}`,
      ...whatToDo(reached, tenant),
    ],
  }
}

function headline({ meter, percent, state, used, included }: ReachedThreshold): string {
  if (state === 'blocked') return `use of ${nameOf(meter)} is blocked`
  return used >= included ? `limit of ${nameOf(meter)} reached` : `${percent} % of ${nameOf(meter)} used`
}

function opening({ meter, state, used, included }: ReachedThreshold): string {
  if (state === 'blocked') return `has used all that it may of ${nameOf(meter)}.`
  if (used > included) return `has passed its limit of ${nameOf(meter)}.`
  return used === included
    ? `has reached its limit of ${nameOf(meter)}.`
    : `has used ${percentOf(used, included)} % of its limit of ${nameOf(meter)}.`
}

function whatHappens(reached: ReachedThreshold, dated: (at: Date) => string): string {
  const { meter, state, used, included, resetsAt } = reached
  const anew = resetsAt ? ` The count starts anew on ${dated(resetsAt)}.` : ''
  if (state === 'blocked') return `further use is refused until ${unblocked(reached, dated)}.`
  const ends = graceOf(reached, dated)
  if (used >= included) return `${ends}${anew}`
  const last = ends === '' ? `At ${amountOf(meter, included)} further use is refused.` : ends
  return `this is a warning, and nothing is refused yet. ${last}${anew}`
}

/** Nothing where there is no grace. */
function graceOf(
  { meter, used, included, hardLimit, graceDays, graceEndsAt }: ReachedThreshold,
  dated: (at: Date) => string,
) {
  if (hardLimit <= included) return ''
  const upTo = `up to ${amountOf(meter, hardLimit)} can be used`
  const refused = 'After that, or beyond it, further use is refused.'
  if (graceEndsAt) return `grace lasts until ${dated(graceEndsAt)}: until then ${upTo}. ${refused}`
  const days = graceDays === 1 ? 'one day' : `${graceDays} days`
  const begins = used >= included ? 'with the next use' : 'Past the limit'
  return `${begins} a grace of ${days} begins, in which ${upTo}. ${refused}`
}

function unblocked({ meter, resetsAt }: ReachedThreshold, dated: (at: Date) => string): string {
  if (resetsAt) return `${dated(resetsAt)}, when the count starts anew, or the limit is raised`
  return meter.kind === 'gauge' ? 'less is kept or the limit is raised' : 'the limit is raised'
}

function whatToDo({ meter, upgrade }: ReachedThreshold, { slug, publicUrl }: Addressed): Paragraph[] {
  const included = upgrade && (upgrade.included === null ? 'any amount' : amountOf(meter, upgrade.included))
  const upgrading = upgrade ? ` Or upgrade: the plan ${upgrade.title} includes ${included}.` : ''
  return [
    `What to do: ask for a higher limit (limits.request: POST /api/v1/tenants/${slug}/limits/requests with the meter ${meter.key}).${upgrading}`,
    { url: publicUrl, label: 'To the service' },
  ]
}

const dateIn = (timezone: string, at: Date) =>
  `${DateTime.fromJSDate(at, { zone: timezone }).setLocale('en').toFormat('d LLLL yyyy, HH:mm')} (${timezone})`
