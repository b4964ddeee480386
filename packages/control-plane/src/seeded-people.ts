export { seededOperator, seededUsers } from '../seeds/people.ts'
