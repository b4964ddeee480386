export interface Message {
  subject: string
  /** Plain text, whoever wrote it. */
  paragraphs: readonly string[]
}

export interface WrittenMessage {
  subject: string
  text: string
  html: string
}

/** As text and as HTML, in which nothing of the text is markup. */
export function writeMessage({ subject, paragraphs }: Message): WrittenMessage {
  const lines = paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`)
  return {
    subject,
    text: `${paragraphs.join('\n\n')}\n`,
    html: `<!doctype html>\n<html><head><meta charset="utf-8"><title>${escaped(subject)}</title></head><body>\n${lines.join('\n')}\n</body></html>\n`,
  }
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
