import { tenancyMigration } from '@tenantry/kernel/tenancy/migrate'
import { tablesSql } from './20261121000001_tables.ts'
import { directorySql } from './20261121000002_directory.ts'
import { apiKeysSql } from './20261121000004_api_keys.ts'
import { onboardingSql } from './20261121000005_onboarding.ts'
import { lifecycleSql } from './20261121000006_lifecycle.ts'
import { hierarchySql } from './20261121000007_hierarchy.ts'
import { isolationSql } from './20261121000009_isolation.ts'
import { rolesSql } from './20261121000010_roles.ts'
import { membersSql } from './20261121000011_members.ts'
import { invitationsSql } from './20261121000012_invitations.ts'
import { teamsSql } from './20261121000013_teams.ts'
import { usersSql } from './20261121000014_users.ts'
import { purgedSql } from './20261121000015_purged.ts'
import { meteringSql } from './20261121000016_metering.ts'
import { meteringWriteSql } from './20261121000017_metering_write.ts'
import { meteringLimitsSql } from './20261121000018_metering_limits.ts'
import { limitGrantsSql } from './20261121000019_limit_grants.ts'
import { limitRequestsSql } from './20261121000020_limit_requests.ts'
import { reservationsSql } from './20261121000021_reservations.ts'
import { runsSql } from './20261121000022_runs.ts'
import { noticesSql } from './20261121000023_notices.ts'
import { planChangesSql } from './20261121000024_plan_changes.ts'
import { featureOverridesSql } from './20261121000025_feature_overrides.ts'
import { roomSql } from './20261121000028_room.ts'
import { askedSql } from './20261121000029_asked.ts'
import { plannedAccessSql } from './20261121000030_planned_access.ts'

/** In order, and only ever added to. */
export const migrations = [
  tenancyMigration,
  { name: '20261121000001_tables', sql: tablesSql },
  { name: '20261121000002_directory', sql: directorySql },
  { name: '20261121000004_api_keys', sql: apiKeysSql },
  { name: '20261121000005_onboarding', sql: onboardingSql },
  { name: '20261121000006_lifecycle', sql: lifecycleSql },
  { name: '20261121000007_hierarchy', sql: hierarchySql },
  { name: '20261121000009_isolation', sql: isolationSql },
  { name: '20261121000010_roles', sql: rolesSql },
  { name: '20261121000011_members', sql: membersSql },
  { name: '20261121000012_invitations', sql: invitationsSql },
  { name: '20261121000013_teams', sql: teamsSql },
  { name: '20261121000014_users', sql: usersSql },
  { name: '20261121000015_purged', sql: purgedSql },
  { name: '20261121000016_metering', sql: meteringSql },
  { name: '20261121000017_metering_write', sql: meteringWriteSql },
  { name: '20261121000018_metering_limits', sql: meteringLimitsSql },
  { name: '20261121000019_limit_grants', sql: limitGrantsSql },
  { name: '20261121000020_limit_requests', sql: limitRequestsSql },
  { name: '20261121000021_reservations', sql: reservationsSql },
  { name: '20261121000022_runs', sql: runsSql },
  { name: '20261121000023_notices', sql: noticesSql },
  { name: '20261121000024_plan_changes', sql: planChangesSql },
  { name: '20261121000025_feature_overrides', sql: featureOverridesSql },
  { name: '20261121000028_room', sql: roomSql },
  { name: '20261121000029_asked', sql: askedSql },
  { name: '20261121000030_planned_access', sql: plannedAccessSql },
]
