import type { Actor } from '@tenantry/kernel/context/actor'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { queueMails } from '../../mail/index.ts'
import { getOwnTenant } from '../../tenant/index.ts'
import type { InvitationRow } from '../repository.ts'

type Inviter = Pick<InvitationRow, 'invitedByType' | 'invitedById' | 'invitedByName'>

/** Who stands for an invitation; who is no person speaks for the tenant. */
export async function inviterOf({ em, actor }: TenantContext): Promise<Inviter> {
  const invitedById = 'id' in actor ? actor.id : 'name' in actor ? actor.name : actor.type
  const invitedByName = personOf(actor) ?? (await getOwnTenant(em)).name
  return { invitedByType: actor.type, invitedById, invitedByName: invitedByName.slice(0, 320) }
}

function personOf(actor: Actor): string | null {
  return actor.type === 'user' || actor.type === 'platformAdmin' ? (actor.name ?? actor.email) : null
}

export interface Letter {
  row: InvitationRow
  token: string
}

/** The token stands behind the # of a link, which no browser sends to any server. */
export async function mailInvitations(ctx: TenantContext, letters: readonly Letter[]): Promise<void> {
  const { name } = await getOwnTenant(ctx.em)
  const mails = letters.map(({ row, token }) => ({
    recipient: row.email,
    senderId: personOf(ctx.actor) === null || !('id' in ctx.actor) ? null : ctx.actor.id,
    subject: `You are invited to ${name}`,
    paragraphs: [
      `${row.invitedByName === name ? 'You are invited' : `${row.invitedByName} invites you`} to ${name}, as ${article(row.role)}.`,
      'Open this link, and sign in with the e-mail address that this mail was sent to:',
      { secretUrl: `${ctx.services.publicUrl}/invitations/accept#token=${token}` },
      `It works once, until ${row.expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC. If you did not expect it, leave it be: nothing happens without you.`,
    ],
  }))
  await queueMails(ctx, mails)
}

const article = (role: string) => (/^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`)
