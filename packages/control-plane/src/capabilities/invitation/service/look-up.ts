import type { Dependencies, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { type SignedInvitation, signedInvitation } from '../repository.ts'
import { digestOf } from '../rules/token.ts'

export interface FoundInvitation {
  invitation: Omit<SignedInvitation, 'expiresAt'> & { expiresAt: Date }
  /** The tenant as the platform itself has it. */
  access: TenantAccess
}

export interface Invitations {
  /** Null for whatever is no token of ours. */
  find(token: string): Promise<FoundInvitation | null>
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    invitations: Invitations
    /** Where people reach this installation, without a slash at the end. */
    publicUrl: string
  }
}

const platformWord = { type: 'service', name: 'invitations' } as const

/** Before a tenant is known, and outside of its transactions. */
export function createInvitations({ database, directory }: Pick<Dependencies, 'database' | 'directory'>): Invitations {
  return {
    async find(token) {
      const digest = digestOf(token)
      const [invitation] = await database.identityRead<SignedInvitation>(`invitation:${digest}`, signedInvitation)
      if (!invitation) return null
      const access = await directory.findAccess(platformWord, invitation.tenantId)
      return access && { invitation: { ...invitation, expiresAt: new Date(invitation.expiresAt) }, access }
    },
  }
}
