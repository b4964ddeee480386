export { type ApiCalls, createApiCalls } from './service/quota.ts'
