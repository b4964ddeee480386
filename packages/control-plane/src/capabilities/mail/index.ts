export { deliverMails, listOutbox } from './service/deliver.ts'
export { queueMail } from './service/queue.ts'
