const controlCharacter = /\p{Cc}/u
/** Embeddings, overrides and isolates: a name that holds them reads as another one. */
const reordering = /[\u202a-\u202e\u2066-\u2069]/
const markup = /<[a-z/!?]/i
// Browsers drop tabs and line breaks inside a scheme.
const scriptScheme = /(?:java|vb|live)script\s*:|data\s*:\s*text\/html/i

/** Why a text may not be stored, or null. */
export function textProblem(value: string, lines: 'single' | 'multiple'): string | null {
  const inOneLine = value.replaceAll(/[\n\t]|\r\n/g, '')
  if (controlCharacter.test(lines === 'multiple' ? inOneLine : value)) return 'Must not hold control characters.'
  if (!value.isWellFormed()) return 'Must be well-formed Unicode.'
  if (reordering.test(value)) return 'Must not hold characters that reorder text.'
  if (markup.test(value) || scriptScheme.test(inOneLine)) return 'Must not hold HTML or script.'
  return null
}
