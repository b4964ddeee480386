import type { ApiKeyVerifier } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { ApiKeyTexts, NewApiKeyText } from '@tenantry/kernel/crypto/api-key-text'

/** The keys as this process knows them. */
export interface ApiKeys extends ApiKeyVerifier {
  readonly texts: ApiKeyTexts
  /** In this process. */
  forget(id: string): void
  forgetTenant(tenantId: string): void
  /** Writes when keys were last used, as far as that is not written. */
  flush(): Promise<void>
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    apiKeys: ApiKeys
    /** To be called after the commit of whatever changes a key. */
    forgetApiKey(id: string): void
  }
}

export const makeKeyText = ({ services }: TenantContext, id: string): NewApiKeyText => services.apiKeys.texts.make(id)

/** For whatever changes a key. At once in this process; the others follow by the bus, or else within a second. */
export function forgetKey({ services, afterCommit }: TenantContext, id: string): void {
  afterCommit(() => services.forgetApiKey(id))
}
