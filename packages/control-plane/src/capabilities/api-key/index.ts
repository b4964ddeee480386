export { create as createApiKey } from './service/create.ts'
export { type ApiKeyOptions, createApiKeys } from './service/verification.ts'
