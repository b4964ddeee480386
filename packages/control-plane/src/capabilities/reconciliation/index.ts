export { createUsageSources } from './service/sources.ts'
