import { createTransport } from 'nodemailer'

export interface OutgoingMail {
  /** The same for every try, so that a receiver can tell that it is one mail. */
  id: string
  recipient: string
  subject: string
  text: string
  html: string
}

export interface Mailer {
  /** Done once the mail server has taken it. Throws where it did not. */
  send(mail: OutgoingMail): Promise<void>
  close(): void
}

export interface MailerOptions {
  /** `smtp://user:password@host:587`, or `smtps:` for TLS from the start. */
  url: string
  /** `Acme <mail@acme.example>`, or the address alone. */
  from: string
}

/** Connects with the first mail. */
export function createMailer({ url, from }: MailerOptions): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 5,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    // Mails hold text, not what lies on this machine or behind a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = /@([^\s>]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'
  return {
    send: async ({ id, recipient, subject, text, html }) => {
      const to = { name: '', address: recipient }
      await transport.sendMail({ from, to, subject, text, html, messageId: `<${id}@${domain}>` })
    },
    close: () => transport.close(),
  }
}
