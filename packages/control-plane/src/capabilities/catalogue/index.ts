export { catalogueErrors } from './contract.ts'
export { createLiveCatalogue } from './service/live.ts'
