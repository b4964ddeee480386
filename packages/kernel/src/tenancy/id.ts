import { v7, validate } from 'uuid'

/** UUID version 7: sorted by time of making. Made here because PostgreSQL makes them only from 18 on. */
export const newId = (): string => v7()

export const isUuid = (text: unknown): text is string => validate(text)
