export { listLiveKeys } from './repository.ts'
export { accessRefusal, apiAccess } from './service/access-refusal.ts'
export { create as createApiKey, findAccessRefusal } from './service/create.ts'
export { type ApiKeyOptions, createApiKeys } from './service/verification.ts'
