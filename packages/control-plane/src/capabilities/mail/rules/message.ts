/** A link that only its reader may see: it is in the mail that is sent, and nowhere else in the clear. */
export interface SecretLink {
  secretUrl: string
}

/** Shown in HTML as its label. */
export interface Link {
  url: string
  label: string
}

/** A table of names and values. */
export interface Facts {
  facts: readonly (readonly [name: string, value: string])[]
}

export type Paragraph = string | Link | Facts | SecretLink

export interface Message {
  subject: string
  /** Plain text, whoever wrote it. */
  paragraphs: readonly Paragraph[]
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
  const shown = paragraphs.map((paragraph) => (isSecret(paragraph) ? leftOut : paragraph))
  const complete = paragraphs.some(isSecret) ? written(subject, paragraphs) : null
  return { subject, ...written(subject, shown), complete }
}

const isSecret = (paragraph: Paragraph) => typeof paragraph === 'object' && 'secretUrl' in paragraph

function written(subject: string, paragraphs: readonly Paragraph[]): WrittenText {
  return {
    text: `${paragraphs.map(textOf).join('\n\n')}\n`,
    html: `<!doctype html>\n<html><head><meta charset="utf-8"><title>${escaped(subject)}</title></head><body>\n${paragraphs.map(htmlOf).join('\n')}\n</body></html>\n`,
  }
}

function textOf(paragraph: Paragraph): string {
  if (typeof paragraph === 'string') return paragraph
  if ('secretUrl' in paragraph) return paragraph.secretUrl
  if ('url' in paragraph) return `${paragraph.label}: ${paragraph.url}`
  return paragraph.facts.map(([name, value]) => `${name}: ${value}`).join('\n')
}

function htmlOf(paragraph: Paragraph): string {
  if (typeof paragraph === 'string') return `<p>${escaped(paragraph)}</p>`
  if ('secretUrl' in paragraph) return `<p>${anchor(paragraph.secretUrl, paragraph.secretUrl)}</p>`
  if ('url' in paragraph) return `<p>${anchor(paragraph.url, paragraph.label)}</p>`
  const rows = paragraph.facts.map(
    ([name, value]) => `<tr><th align="left">${escaped(name)}</th><td>${escaped(value)}</td></tr>`,
  )
  return `<table cellpadding="4">\n${rows.join('\n')}\n</table>`
}

const anchor = (url: string, label: string) => `<a href="${escaped(url)}">${escaped(label)}</a>`

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
