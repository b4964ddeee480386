import { type DestinationStream, type Logger, pino } from 'pino'
import { censor, redact } from './redaction.ts'

const secretFields = ['authorization', 'cookie', 'x-api-key', 'token', 'bearer', 'apiKey', 'password', 'secret', 'key']

/** JSON lines with ISO times; what holds a secret is replaced wherever it stands. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (line) => ({ ...redact(line) }) },
      // `redact` has made plain objects of errors already.
      serializers: { err: (error: unknown) => error },
      // The bindings of a child logger pass no formatter, so their secrets go by path.
      redact: { paths: bindingPaths(['', 'headers', 'req.headers', 'request.headers']), censor },
    },
    options.destination ?? pino.destination(1),
  )
}

function bindingPaths(places: string[]): string[] {
  return places.flatMap((place) => secretFields.map((field) => `${place}["${field}"]`))
}
