export { developmentIssuerName, seedDemo } from '../seeds/demo.ts'
export { seededOperator, seededUsers } from '../seeds/people.ts'
export { demoPeople, type StandingPerson } from '../seeds/standing.ts'
