import type { Dependencies, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { grantRefusal, roleScopes } from '../../access/index.ts'
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
  /** Whether who wrote it may still write such a one. What no user wrote stands on its own. */
  isStillGranted(found: FoundInvitation): Promise<boolean>
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

    async isStillGranted({ invitation: { invitedByType, invitedById, role }, access: { tenant } }) {
      if (invitedByType !== 'user') return true
      const inviter = await directory.findAccess({ type: 'user', id: invitedById, email: null, name: null }, tenant.id)
      return inviter !== null && grantRefusal(inviter, new Set([...roleScopes[role], 'members:manage'])) === null
    },
  }
}
