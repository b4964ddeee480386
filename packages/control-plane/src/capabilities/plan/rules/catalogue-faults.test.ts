import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseCatalogue } from './catalogue.ts'

const defaultText = readFileSync(new URL('../../../../catalogue/default.yaml', import.meta.url), 'utf8')

/** The line on which an edited text first differs. */
function editedLine(text: string): number {
  const lines = defaultText.split('\n')
  return text.split('\n').findIndex((line, index) => line !== lines[index]) + 1
}

// What is wrong, the edit of the default catalogue that makes it so, and what is said after file and line.
const faults: [fault: string, find: string, replace: string, says: string][] = [
  [
    'a limit for a meter that does not exist',
    '      users: 5\n',
    '      users: 5\n      seats: 5\n',
    'plans.free.limits.seats: unknown key, expected a meter declared under meters',
  ],
  [
    'a meter without a limit',
    '    limits:\n      users: 5\n',
    '    limits: # none for users\n',
    'plans.free.limits.users: expected a whole number or unlimited, found nothing',
  ],
  [
    'a limit left empty, which must not read as unlimited',
    'users: 5\n',
    'users:\n',
    'plans.free.limits.users: expected a whole number or unlimited, found nothing',
  ],
  [
    'a negative limit other than -1',
    'users: 5\n',
    'users: -2\n',
    'plans.free.limits.users: expected a whole number or unlimited, found -2',
  ],
  [
    'a limit that no number holds exactly',
    'users: 5\n',
    'users: 9007199254740993\n',
    'plans.free.limits.users: expected a whole number or unlimited',
  ],
  [
    'grace for what is counted where it is made',
    '    countedFrom: teams\n',
    '    countedFrom: teams\n    grace: { percent: 10, days: 7 }\n',
    'meters.teams.grace: expected no grace: what is counted where it is made has none, found keys with values',
  ],
  [
    'rows to count that nobody knows of',
    'countedFrom: teams\n',
    'countedFrom: tables\n',
    'meters.teams.countedFrom: expected one of memberships, teams, roles, product, found "tables"',
  ],
  [
    'a fraction of a size',
    'storage: 1 GiB',
    'storage: 1.5 GiB',
    'plans.free.limits.storage: expected a whole number, a size such as 5 GiB or unlimited, found "1.5 GiB"',
  ],
  [
    'a size on a meter that is not in bytes',
    'teams: 2\n',
    'teams: 2 GiB\n',
    'plans.free.limits.teams: expected a whole number or unlimited, found "2 GiB"',
  ],
  [
    'digits grouped wrongly',
    'tokens: 100_000\n',
    'tokens: 100_00\n',
    'plans.free.limits.tokens: expected a whole number or unlimited, found "100_00"',
  ],
  [
    'a feature that does not exist',
    'except: [sso,',
    'except: [ssso,',
    'plans.business.features.except.0: expected a feature declared under features, found "ssso"',
  ],
  [
    'a feature in a list that does not exist',
    '      - sponsors\n',
    '      - sponsers\n',
    'plans.professional.features.8: expected a feature declared under features, found "sponsers"',
  ],
  [
    'features that are neither a list nor all',
    'features: all\n',
    'features: every\n',
    'plans.enterprise.features: expected a list of features, all, or { include: all, except: [...] }, found "every"',
  ],
  [
    'a key that stands twice',
    '    title: Starter\n',
    '    title: Starter\n    title: Again\n',
    'plans.starter.title: expected each key once, this one stands on line',
  ],
  ['a plan that stands twice', '  business:\n', '  starter:\n', 'plans.starter: expected each key once'],
  ['another plan before free', '  free:\n', '  basic:\n', 'plans.basic: expected the plan free first'],
  [
    'a plan that costs less than a lower one',
    'Micros: 99_000_000',
    'Micros: 9_000_000',
    'plans.professional.monthlyPriceMicros: expected at least 29000000',
  ],
  ['a plan whose name has capitals', '  starter:\n', '  Starter:\n', 'plans.Starter: expected a name in lower case'],
  ['a meter whose name has capitals', '  tokens:\n', '  Tokens:\n', 'meters.Tokens: expected a name in lower case'],
  [
    'thresholds that do not ascend',
    '[80, 90, 100]',
    '[80, 80, 100]',
    'defaults.alertThresholds: expected ascending whole numbers from 1 to 100',
  ],
  [
    'a threshold over 100',
    '[80, 90, 100]',
    '[80, 90, 101]',
    'defaults.alertThresholds: expected ascending whole numbers from 1 to 100',
  ],
  [
    'a threshold of 0',
    '[80, 90, 100]',
    '[0, 90, 100]',
    'defaults.alertThresholds: expected ascending whole numbers from 1 to 100',
  ],
  [
    'grace on slots',
    'kind: concurrency\n',
    'kind: concurrency\n    grace: { percent: 1, days: 1 }\n',
    'meters.concurrent_pipelines.grace: expected no grace: slots have none',
  ],
  [
    'grace of a plan on a meter that has none',
    '    title: Starter\n',
    '    title: Starter\n    grace: { events: { percent: 1, days: 1 } }\n',
    'plans.starter.grace.events: expected no grace: the meter has none',
  ],
  [
    'grace of more than the whole limit',
    '    title: Starter\n',
    '    title: Starter\n    grace: { tokens: { percent: 101, days: 1 } }\n',
    'plans.starter.grace.tokens.percent: expected a whole number from 1 to 100, found 101',
  ],
  [
    'a price that is no whole number',
    'monthlyPriceMicros: 29_000_000',
    'monthlyPriceMicros: 29.5',
    'plans.starter.monthlyPriceMicros: expected a whole number of micro-units, found 29.5',
  ],
  [
    'a price below 0',
    '{ micros: 20_000,',
    '{ micros: -1,',
    'plans.starter.overagePrices.conversations.micros: expected a whole number of micro-units, found -1',
  ],
  [
    'a price for no amount',
    'per: 1_000_000 }',
    'per: 0 }',
    'plans.starter.overagePrices.tokens.per: expected an amount above 0',
  ],
  [
    'a key that changes prototypes',
    '    title: Starter\n',
    '    title: Starter\n    __proto__: { features: all }\n',
    'plans.starter.__proto__: expected another key: this one is reserved',
  ],
  [
    'a meter called constructor',
    '  users:\n    kind',
    '  constructor: {}\n  users:\n    kind',
    'meters.constructor: expected another key: this one is reserved',
  ],
  [
    'a key that means nothing',
    'currency: USD\n',
    'currency: USD\ncolour: red\n',
    'colour: unknown key, expected one of the keys currency, meters, features, scopes, defaults, plans',
  ],
  [
    'a key of a meter that means nothing',
    '    unit: tokens\n',
    '    unit: tokens\n    resets: monthly\n',
    'meters.tokens.resets: unknown key',
  ],
  [
    'a kind of meter that does not exist',
    'kind: concurrency',
    'kind: slots',
    'meters.concurrent_pipelines.kind: expected one of counter, gauge, concurrency, found "slots"',
  ],
  [
    'a counter without a period',
    '    period: day\n',
    '    period: none\n',
    'meters.api_calls.period: expected one of hour, day, month, total, found "none"',
  ],
  [
    'a gauge that starts anew',
    '    period: none\n    unit: events',
    '    period: day\n    unit: events',
    'meters.events.period: expected one of none, found "day"',
  ],
  [
    'a rate limit of 0',
    'requestsPerMinute: 100 ',
    'requestsPerMinute: 0 ',
    'defaults.rateLimits.requestsPerMinute: expected a whole number above 0',
  ],
  [
    'an anchor that does not exist',
    'periodAnchor: calendar',
    'periodAnchor: moon',
    'defaults.periodAnchor: expected one of calendar, subscription, found "moon"',
  ],
  [
    'a scope of a product that has the name of one of ours',
    'features:\n',
    'scopes: { "audit:read": { description: Any, heldFrom: member } }\nfeatures:\n',
    'scopes.audit:read: expected a name that is none of the scopes of Tenantry itself, found "audit:read"',
  ],
  [
    'a scope that is no noun and verb',
    'features:\n',
    'scopes: { events: { description: Any, heldFrom: member } }\nfeatures:\n',
    'scopes.events: expected noun:verb in lower case such as events:manage, found "events"',
  ],
  [
    'a scope that no base role holds',
    'features:\n',
    'scopes: { "events:manage": { description: Any, heldFrom: guest } }\nfeatures:\n',
    'scopes.events:manage.heldFrom: expected one of owner, admin, member, viewer, found "guest"',
  ],
  [
    'a scope that needs a feature which is not declared',
    'features:\n',
    'scopes: { "events:manage": { description: Any, feature: sso2, heldFrom: member } }\nfeatures:\n',
    'scopes.events:manage.feature: expected a feature declared under features, found "sso2"',
  ],
  [
    'a currency that does not exist',
    'currency: USD',
    'currency: XXZ',
    'currency: expected an ISO 4217 currency such as USD, found "XXZ"',
  ],
]

test.each(faults)('%s is refused by file, line and key', (_fault, find, replace, says) => {
  const text = defaultText.replace(find, replace)
  expect(text).not.toBe(defaultText)
  expect(() => parseCatalogue(text, 'plans.yaml')).toThrow(`plans.yaml:${editedLine(text)} ${says}`)
})
