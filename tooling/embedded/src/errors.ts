import { defineErrors } from '@tenantry/kernel/contract/errors'

export const embeddedErrors = defineErrors('embedded', {
  in_use: { kind: 'conflict', message: 'The data folder is in use by another running instance.' },
  not_traversable: { kind: 'forbidden', message: 'The system user of PostgreSQL may not enter this folder.' },
  wrong_owner: { kind: 'forbidden', message: 'The data folder belongs to another system user.' },
  no_system_user: { kind: 'internal', message: 'PostgreSQL cannot run as root and there is no other user to run it.' },
  no_binaries: { kind: 'internal', message: 'There are no PostgreSQL binaries for this platform.' },
  no_password: { kind: 'internal', message: 'The password file of the cluster is missing.' },
  initialisation_failed: { kind: 'internal', message: 'The database cluster could not be created.' },
  start_failed: { kind: 'internal', message: 'PostgreSQL did not start.' },
  stop_failed: { kind: 'internal', message: 'A PostgreSQL server left behind in the data folder does not stop.' },
})
