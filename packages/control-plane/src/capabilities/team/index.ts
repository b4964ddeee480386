export { teamSource } from './repository.ts'
