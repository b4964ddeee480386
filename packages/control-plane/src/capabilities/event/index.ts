export { emitEvent, emitEvents } from './service/emit.ts'
export { createEventStreams, type EventStreamOptions } from './service/streams.ts'
