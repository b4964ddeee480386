import { explainAccess } from '../contract.ts'

/** Where a refusal in that tenant is explained, to those who have access to it. */
export function explainPath(tenantId: string, permission?: string): string {
  const path = `/api/v1${explainAccess.rest.path.replace('{tenantId}', tenantId)}`
  return permission === undefined ? path : `${path}?permission=${permission}`
}
