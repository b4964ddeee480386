/** A link that only its reader may see: it is in the mail that is sent, and nowhere else in the clear. */
export interface SecretLink {
  secretUrl: string
}

export interface Message {
  subject: string
  /** Plain text, whoever wrote it. */
  paragraphs: readonly (string | SecretLink)[]
}

export interface WrittenText {
  text: string
  html: string
}

export interface WrittenMessage extends WrittenText {
  subject: string
  /** As it is sent, where the rest leaves secret links out; null where there are none. */
  complete: WrittenText | null
}

const leftOut = '(A link for you alone stood here.)'

/** As text and as HTML, in which nothing of the text is markup. */
export function writeMessage({ subject, paragraphs }: Message): WrittenMessage {
  const shown = paragraphs.map((paragraph) => (typeof paragraph === 'string' ? paragraph : leftOut))
  const hasSecrets = paragraphs.some((paragraph) => typeof paragraph !== 'string')
  return { subject, ...written(subject, shown), complete: hasSecrets ? written(subject, paragraphs) : null }
}

function written(subject: string, paragraphs: Message['paragraphs']): WrittenText {
  const texts = paragraphs.map((paragraph) => (typeof paragraph === 'string' ? paragraph : paragraph.secretUrl))
  const lines = paragraphs.map((paragraph) => `<p>${htmlOf(paragraph)}</p>`)
  return {
    text: `${texts.join('\n\n')}\n`,
    html: `<!doctype html>\n<html><head><meta charset="utf-8"><title>${escaped(subject)}</title></head><body>\n${lines.join('\n')}\n</body></html>\n`,
  }
}

function htmlOf(paragraph: string | SecretLink): string {
  if (typeof paragraph === 'string') return escaped(paragraph)
  const url = escaped(paragraph.secretUrl)
  return `<a href="${url}">${url}</a>`
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
