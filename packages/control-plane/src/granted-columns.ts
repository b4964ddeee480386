export const tenantColumns = [
  'name',
  'contact_email',
  'organization_type',
  'website_url',
  'timezone',
  'former_timezones',
  'external_id',
  'tags',
  'version',
  'updated_at',
] as const
/** What says whose tenant it was. */
export const blankedColumns = [
  ...tenantColumns,
  'slug',
  'status',
  'status_reason',
  'status_until',
  'delete_after',
  'removal',
] as const
export const stateColumns = ['state', 'state_reason', 'state_changed_at', 'last_seen_at'] as const
export const personColumns = ['issuer', 'subject', 'email', 'former_emails', 'name', ...stateColumns] as const
export const membershipColumns = ['role', 'inheritable'] as const
export const settingsColumns = ['document', 'version', 'updated_at'] as const
export const inheritanceColumns = ['defaults', 'locks', 'version', 'updated_at'] as const
export const apiKeyColumns = [
  'tenant_id',
  'id',
  'name',
  'scopes',
  'former_ends_at',
  'ip_allowlist',
  'expires_at',
  'created_by_type',
  'created_by_id',
  'created_at',
  'rotated_at',
  'last_used_at',
  'revoked_at',
] as const
export const secretColumns = ['digest', 'former_ends_at', 'rotated_at', 'revoked_at'] as const
export const deliveryColumns = ['recipient', 'attempts', 'next_attempt_at', 'sent_at', 'last_error', 'sealed'] as const
export const invitationColumns = [
  'tenant_id',
  'id',
  'email',
  'role',
  'role_ids',
  'state',
  'sends',
  'invited_by_type',
  'invited_by_id',
  'invited_by_name',
  'created_at',
  'sent_at',
  'expires_at',
  'accepted_at',
  'accepted_by',
  'revoked_at',
] as const
export const invitationChanges = [
  'state',
  'token_digest',
  'sends',
  'invited_by_type',
  'invited_by_id',
  'invited_by_name',
  'sent_at',
  'expires_at',
  'accepted_at',
  'accepted_by',
  'revoked_at',
] as const
export const progressColumns = ['done_steps', 'response', 'finished_at'] as const
export const roleColumns = [
  'name',
  'description',
  'base_role',
  'scopes',
  'inheritable',
  'version',
  'updated_at',
] as const
export const answerColumns = ['request_hash', 'response', 'created_at'] as const

/** What the erasure of a person rewrites, by table. */
export const erasable: Record<string, readonly string[]> = {
  'tenantry.audit_entries': ['actor_email', 'target_id', 'changes', 'details', 'client_address', 'user_agent'],
  'tenantry.invitations': ['email', 'state', 'revoked_at', 'invited_by_name'],
  'tenantry.api_keys': ['digest', 'revoked_at'],
}
