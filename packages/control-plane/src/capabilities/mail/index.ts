export { countMails } from './repository.ts'
export { deliverMails, listOutbox } from './service/deliver.ts'
export { queueMail, queueMails } from './service/queue.ts'
