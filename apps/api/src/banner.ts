import type { StandingPerson } from '@tenantry/control-plane/seeds'
import type { Config } from './config.ts'

/** What a person wants to know first; the command works as it stands. */
export function banner(
  { HOST, PLATFORM_ACCESS, developmentIssuer }: Config,
  port: number,
  people: readonly StandingPerson[] = [],
): string {
  const host = HOST.includes(':') && !HOST.startsWith('[') ? `[${HOST}]` : HOST
  const origin = `http://${host}:${port}`
  const lines = [
    '',
    '  Tenantry is ready.',
    '',
    `  REST           ${origin}/api/v1`,
    `  tRPC           ${origin}/trpc`,
    `  API reference  ${origin}/api/docs`,
    `  Health         ${origin}/readyz`,
    ...(PLATFORM_ACCESS
      ? []
      : ['', '  Platform access is off: PLATFORM_ACCESS is false, and platform admins are plain users.']),
    ...(developmentIssuer ? developmentLines(origin, people) : []),
    '',
    '',
  ]
  return lines.join('\n')
}

function developmentLines(origin: string, people: readonly StandingPerson[]): string[] {
  return [
    '',
    '  Sign in as one of these (development only):',
    ...people.map(({ email, says }) => `    ${email.padEnd(24)} ${says}`),
    '',
    '  Try it:',
    '',
    `  TOKEN=$(curl -s ${origin}/dev/token -H 'content-type: application/json' -d '{"email":"admin@acme.test"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/') && curl -s ${origin}/api/v1/tenants/current -H "authorization: Bearer $TOKEN"`,
  ]
}
