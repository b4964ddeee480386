import { textProblem } from '@tenantry/kernel/contract/text'
import { z } from 'zod'

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
