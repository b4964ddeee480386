import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createMailer, type Mailer } from '@tenantry/kernel/mail/mailer'
import { SMTPServer } from 'smtp-server'

export interface MailServer {
  mailer: Mailer
  received: { to: string[]; raw: string }[]
  /** What it answers to whatever comes, unless null. */
  refusal: Error | null
  close(): Promise<void>
}

/** A real mail server on a free loopback port, and a mailer that sends to it. */
export async function openMailServer(): Promise<MailServer> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData: (stream, session, done) => {
      text(stream).then((raw) => {
        if (!opened.refusal) opened.received.push({ to: session.envelope.rcptTo.map(({ address }) => address), raw })
        done(opened.refusal)
      }, done)
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  const mailer = createMailer({ url: `smtp://127.0.0.1:${port}`, from: 'Tenantry <mail@tenantry.example>' })
  const opened: MailServer = {
    mailer,
    received: [],
    refusal: null,
    close: async () => {
      mailer.close()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  return opened
}
