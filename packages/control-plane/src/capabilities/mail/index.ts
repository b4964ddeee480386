export { countMails } from './repository.ts'
export type { Message, Paragraph } from './rules/message.ts'
export { deliverMails, listOutbox } from './service/deliver.ts'
export { queueMail, queueMails } from './service/queue.ts'
