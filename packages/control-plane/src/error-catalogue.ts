import {
  apiKeyUseErrors,
  authErrors,
  type ErrorFactory,
  idempotencyErrors,
  internalErrorCode,
  rateLimitErrors,
  requestErrors,
  serviceErrors,
  tenantSelectionErrors,
} from '@tenantry/kernel/contract/errors'
import type { ErrorKind } from '@tenantry/kernel/errors/app-error'
import { apiKeyErrors } from './capabilities/api-key/contract.ts'
import { blockErrors } from './capabilities/block/contract.ts'
import { catalogueErrors } from './capabilities/catalogue/contract.ts'
import { accessErrors } from './capabilities/decision/contract.ts'
import { eventErrors } from './capabilities/event/contract.ts'
import { invitationErrors } from './capabilities/invitation/contract.ts'
import { deletionReportErrors, lifecycleErrors } from './capabilities/lifecycle/contract.ts'
import { limitErrors, limitGrantErrors } from './capabilities/limit/contract.ts'
import { limitRequestErrors } from './capabilities/limit-request/contract.ts'
import { memberErrors } from './capabilities/member/contract.ts'
import { catalogueForceErrors } from './capabilities/metering/contract.ts'
import { onboardingErrors } from './capabilities/onboarding/contract.ts'
import { planErrors } from './capabilities/plan/contract.ts'
import { usageSourceErrors } from './capabilities/reconciliation/contract.ts'
import { reservationErrors } from './capabilities/reservation/contract.ts'
import { roleErrors } from './capabilities/role/contract.ts'
import { runErrors } from './capabilities/run/contract.ts'
import { settingsErrors } from './capabilities/settings/contract.ts'
import { subscriptionErrors } from './capabilities/subscription/contract.ts'
import { teamErrors } from './capabilities/team/contract.ts'
import { tenantErrors } from './capabilities/tenant/contract.ts'
import { usageErrors } from './capabilities/usage/contract.ts'
import { userErrors } from './capabilities/user/contract.ts'

/** Every group that `defineErrors` made, the pipeline's first. */
export const errorGroups = [
  requestErrors,
  authErrors,
  apiKeyUseErrors,
  tenantSelectionErrors,
  rateLimitErrors,
  idempotencyErrors,
  serviceErrors,
  tenantErrors,
  planErrors,
  catalogueErrors,
  catalogueForceErrors,
  onboardingErrors,
  settingsErrors,
  usageErrors,
  reservationErrors,
  usageSourceErrors,
  limitErrors,
  limitGrantErrors,
  limitRequestErrors,
  runErrors,
  subscriptionErrors,
  eventErrors,
  apiKeyErrors,
  accessErrors,
  lifecycleErrors,
  deletionReportErrors,
  invitationErrors,
  teamErrors,
  roleErrors,
  memberErrors,
  userErrors,
  blockErrors,
] as const

type CodesOf<Group> = Group extends Readonly<Record<string, { readonly code: infer Code }>> ? Code : never

/** Every code that a caller can meet. */
export type ErrorCode = CodesOf<(typeof errorGroups)[number]> | typeof internalErrorCode

export type CataloguedError = Pick<ErrorFactory, 'kind' | 'message'> & { code: string }

/** By code, in the order of the alphabet. */
export const errorCatalogue: readonly CataloguedError[] = [
  ...errorGroups.flatMap((group): CataloguedError[] => Object.values(group)),
  { code: internalErrorCode, kind: 'internal' as const, message: 'Something went wrong on our side.' },
].sort((left, right) => (left.code < right.code ? -1 : 1))

/** What to do next: what is said of the code, or else of its kind. */
export const remedyOf = ({ code, kind }: Pick<CataloguedError, 'code' | 'kind'>): string =>
  (remediesByCode as Partial<Record<string, string>>)[code] ?? remediesByKind[kind]

const remediesByKind: Record<ErrorKind, string> = {
  invalid: 'Correct the request; the same one will be refused again.',
  unauthenticated: 'Sign in, and send the token as `Authorization: Bearer …`.',
  forbidden: 'Ask somebody who may do this to do it, or to give you the right.',
  not_found: 'Check the name or the id; there is nothing to retry.',
  method_not_allowed: 'Use one of the methods in the `Allow` header.',
  conflict: 'Read the current state, decide anew, and send the request again.',
  precondition_failed: 'Read the resource again and send its new `ETag`.',
  too_large: 'Send less, or in several requests.',
  unsupported_media_type: 'Send JSON with `Content-Type: application/json`.',
  unprocessable: 'Correct the values; the same ones will be refused again.',
  too_many_requests: 'Wait as long as `Retry-After` says, then send the request again.',
  internal: 'Retry once; if it stays, report the `requestId` to whoever runs the service.',
  unavailable: 'Wait as long as `Retry-After` says, then send the request again.',
}

const remediesByCode: Partial<Record<ErrorCode, string>> = {
  'request.invalid': 'Correct the fields that `issues` names by path; unknown fields are refused too.',
  'request.not_found': 'Check the path against the API reference at `/api/docs`.',
  'request.too_large': 'Send less: 256 KB is the default limit of a body.',
  'request.https_required':
    'Use `https://`, and renew the credentials that were sent in the clear. Where the request did come by HTTPS, the proxy before the service must be among `TRUSTED_PROXIES` and send `X-Forwarded-Proto: https`.',
  'auth.permission_denied': 'Ask an admin of the tenant for a role that holds the scope in `missingScope`.',
  'auth.blocked':
    'Stop what was refused: sending credentials that fail, asking on before `Retry-After` is over, naming tenants that are not yours. Then wait as long as `Retry-After` says; each block is longer than the one before.',
  'block.not_found': '`GET /api/v1/platform/blocks` lists those that go on; who is not among them is not blocked.',
  'auth.user_deactivated':
    'Ask whoever operates the service; nothing else helps. API keys that this person made are refused too.',
  'auth.ip_not_allowed': 'Call from an address of the `ipAllowlist` of the key, or create a key that names yours.',
  'api_key.access_disabled':
    'Choose a plan with the feature `requiresFeature`, or turn the setting `key` on, whichever the error names; where it names none, create a key as a member of the tenant.',
  'api_key.expired': 'Create another key; `expiresAt` of this one has passed.',
  'api_key.overlap_running':
    'Wait until `resetsAt`, when the former secret ends, or rotate with `overlapSeconds` 0, which ends it at once.',
  'tenant.not_found': 'Check the id, slug or externalId; `GET /api/v1/me` lists the tenants you reach.',
  'tenant.inactive':
    '`state` and `reason` say why, `until` when it ends by itself, `ancestorId` where it is a tenant above it; only the operator of the service can make it active again.',
  'tenant.invalid_transition':
    'Read the tenant: its state, `from`, leads elsewhere. What is suspended is reactivated, what is being deleted is restored, before its `deleteAfter`.',
  'tenant.has_children':
    'Delete the tenants below it, `childCount` of them, or move them, and send the request again. Those that are being deleted do not count.',
  'deletion_report.not_found': '`GET /api/v1/platform/deletion-reports` lists the reports there are.',
  'tenant.mismatch':
    'Name one tenant only: let path, `X-Tenant-ID`, subdomain and key agree, or leave out all but one.',
  'tenant.not_selected':
    'Name the tenant in the path or by `X-Tenant-ID`; `GET /api/v1/me` lists the tenants you reach.',
  'tenant.concurrent_update':
    'Read the resource again (`currentVersion` is its version now), repeat your change, and send the new version. With `If-Match` the status is 412.',
  'tenant.slug_taken': 'Choose another slug; slugs are unique in the whole installation.',
  'tenant.external_id_taken': 'Choose another externalId; they are unique in the whole installation.',
  'tenant.hierarchy_cycle':
    'Choose a parent that does not stand below the tenant; `GET /api/v1/tenants/{id}/tree` shows which do.',
  'tenant.hierarchy_too_deep': 'Choose a parent that is nearer to the top, or move what is below the tenant first.',
  'tenant.unknown_plan': '`GET /api/v1/plans` lists the plans.',
  'subscription.not_higher':
    'Name a higher plan, as `GET /api/v1/plans` orders them, or call `subscription.downgrade` or `subscription.change`, which takes any plan.',
  'subscription.not_lower':
    'Name a lower plan, as `GET /api/v1/plans` orders them, or call `subscription.upgrade` or `subscription.change`, which takes any plan.',
  'subscription.would_break':
    'Use less of what `breaking` names, or send `acceptBreaking: true`: nothing is deleted, but what is above a limit is blocked, and what needs a lost feature stops working.',
  'user.not_found': '`GET /api/v1/users?q=` finds people by the beginning of a name or an address.',
  'user.last_owner':
    'Give each tenant in `tenants` another owner (`POST /api/v1/tenants/{tenantId}/ownership`), having restored it where it is being deleted, and send the request again.',
  'invitation.not_found': '`GET /api/v1/tenants/{tenantId}/users/invitations` lists the invitations there are.',
  'invitation.unknown_token':
    'Open the link of the newest mail, whole; where that does not work either, ask for another invitation.',
  'invitation.already_pending':
    'Send that one again (`POST …/invitations/{invitationId}/resend`), or revoke it and invite anew.',
  'invitation.not_pending': 'Invite the address anew, if it still is to come in.',
  'invitation.already_accepted': 'Sign in: the tenant is among those of `GET /api/v1/me`.',
  'invitation.already_member':
    'Nobody needs to be invited who is a member. Change their role with `PUT /api/v1/tenants/{tenantId}/users/{userId}`.',
  'invitation.revoked': 'Ask whoever invited you for another invitation; this one does not come back.',
  'invitation.expired': 'Ask whoever invited you to send it again.',
  'invitation.inviter_lost_rights': 'Ask another admin or owner of the tenant to invite you, or to send it again.',
  'invitation.email_mismatch': 'Sign in with the address that the mail went to, or ask for an invitation to yours.',
  'invitation.email_unverified':
    'Verify your address with whoever signs you in, sign in anew, and open the link again.',
  'member.unknown_user':
    'Invite them by e-mail, `POST /api/v1/tenants/{tenantId}/users/invitations`; by id or address only those are added with whom you share a tenant.',
  'member.deactivated': 'Ask whoever operates the service to reactivate the account, and send the request again.',
  'role.not_found': '`GET /api/v1/tenants/{tenantId}/roles` lists the roles there are.',
  'role.name_taken': 'Choose another name; they are unique in a tenant, in any letter case.',
  'role.concurrent_update':
    'Read the role again (`currentVersion` is its version now), repeat your change, and send the new version. With `If-Match` the status is 412.',
  'role.assigned': 'Send `reassignTo`: the id of the role that its holders get instead, or `none`.',
  'role.no_member':
    'Only members of the tenant itself are given roles in it. Give an inherited member their role in the tenant above.',
  'access.others_denied': 'Ask an admin of the tenant to look, or leave out `userId` to ask about yourself.',
  'catalogue.invalid': 'Correct what `issues` names, by line and key, in the file, and reload again.',
  'catalogue.in_use':
    'Move the tenants that `issues` counts to another plan, or leave the plan or meter in the file, and reload again.',
  'catalogue.not_in_force':
    'Name by `PLAN_CATALOGUE` the file that the services have, or reload it there first (`POST /api/v1/platform/catalogue/reload` or SIGHUP), and run the command again.',
  'plan.feature_missing': 'Choose a plan that has `requiresFeature`; `GET /api/v1/plans` lists them.',
  'onboarding.unknown_template': 'Leave `templateId` out.',
  'onboarding.unknown_region': 'Leave `region` out, or use the installation that serves it.',
  'onboarding.unusable_parent': 'Send the id of a tenant that is active.',
  'idempotency.in_progress':
    'Wait a second and repeat the same request: it will be answered with the result of the first.',
  'idempotency.conflict': 'Use a new key for a new request; a key belongs to one body.',
  'settings.invalid':
    'Correct the keys that `issues` names by path; `GET /api/v1/tenants/current/settings/schema` shows what they take.',
  'settings.too_large': 'Remove what is not needed: the stored document may have 10 KB.',
  'settings.restricted_key':
    '`key` may be written by `writableBy` only: ask one of them; or it needs the plan feature `requiresFeature`: choose a plan that has it; or the tenant `lockedBy`, above yours, locked it: its admins can unlock it.',
  'usage.unknown_meter': '`GET /api/v1/plans` lists the meters.',
  'usage.idempotency_conflict': 'Use a new key for a new event; a key belongs to one meter and amount.',
  'run.not_found': '`GET /api/v1/tenants/{tenantId}/runs` lists the runs there are.',
  'run.lease_lost':
    'Stop the work: another run may be doing it. Where it goes on all the same, send the heartbeat again after `Retry-After`; what has ended by itself may still be completed.',
  'run.already_ended': 'Nothing is left to do: the run ended as `state` says. Start another.',
  'usage.below_zero': 'Take off no more than `used`.',
  'event.too_many_streams':
    'Close a stream, or share one between those who watch; `limit` are allowed for one tenant in one process.',
  'usage.limit_exceeded':
    'Where the error has a `resetsAt`, wait until then (who has used up `api_calls` still reads usage, limits and plans, and may ask for more); what is counted without a period (`users`, `admins`, `custom_roles`, `teams`) needs room: remove some of it. A plan with a higher limit helps in both cases.',
}
