import type { Clock } from '@tenantry/kernel/context/clock'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation } from '../../testing.ts'
import { deliverMails } from '../mail/index.ts'
import { openMailServer } from '../mail/mail-server.fixture.ts'

/** An installation whose mails come to a server, and what of thresholds has come. */
export async function openAlertMails(clock: Clock) {
  const server = await openMailServer()
  const installation = await openTestInstallation({ clock, mailer: server.mailer })
  const { dependencies } = installation
  return {
    server,
    installation,
    /** Counts, waits until the alerts are told, and has the mails sent. */
    track: async (caller: InternalCaller, amount: number, metric = 'tokens'): Promise<void> => {
      await caller.usage.track({ tenantId: 'current', metric, amount })
      await dependencies.services.metering.told((await caller.tenants.info()).id)
      await deliverMails(dependencies)
    },
    subjectsTo: ({ email }: { email: string }) =>
      server.received
        .filter(({ to }) => to.includes(email))
        .map(({ raw }) => /^subject: [^:]+: (.+)\r$/im.exec(raw)?.[1]),
    thresholdsTold: async (caller: InternalCaller) => {
      const { items } = await caller.events.list({ tenantId: 'current' })
      return items
        .toReversed()
        .flatMap(({ event }) => (event.type === 'usage.threshold_reached' ? event.thresholdPercent : []))
    },
    close: async () => {
      await server.close()
      await installation.close()
    },
  }
}
