export { deliverMails, listOutbox } from './service/deliver.ts'
export { queueMail, queueMails } from './service/queue.ts'
