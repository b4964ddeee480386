import { z } from 'zod'

const controlCharacter = /\p{Cc}/u
const markup = /<[a-z/!?]/i
// Browsers drop tabs and line breaks inside a scheme.
const scriptScheme = /(?:java|vb|live)script\s*:|data\s*:\s*text\/html/i

/** Why a text may not be stored, or null. */
export function textProblem(value: string, lines: 'single' | 'multiple'): string | null {
  const inOneLine = value.replaceAll(/[\n\t]|\r\n/g, '')
  if (controlCharacter.test(lines === 'multiple' ? inOneLine : value)) return 'Must not hold control characters.'
  if (!value.isWellFormed()) return 'Must be well-formed Unicode.'
  if (markup.test(value) || scriptScheme.test(inOneLine)) return 'Must not hold HTML or script.'
  return null
}

function checkedText(maximum: number, lines: 'single' | 'multiple') {
  return z
    .string()
    .min(1)
    .max(maximum)
    .superRefine((value, check) => {
      const message = textProblem(value, lines)
      if (message) check.addIssue({ code: 'custom', message })
    })
}

export const line = (maximum: number) => checkedText(maximum, 'single')

/** Takes line breaks and tabs. */
export const paragraph = (maximum: number) => checkedText(maximum, 'multiple').meta({ 'x-format': 'paragraph' })
