import type { BaseRole } from '../src/capabilities/access/index.ts'

/** Platform admin of the demo. */
export const seededOperator = 'operator@tenantry.test'

export interface SeededUser {
  email: string
  name: string
  says: string
  member?: { tenant: string; role: BaseRole }
}

export const seededUsers: readonly SeededUser[] = [
  { email: 'owner@acme.test', name: 'Olivia Owner', says: 'owner of acme', member: { tenant: 'acme', role: 'owner' } },
  { email: 'admin@acme.test', name: 'Adam Admin', says: 'admin of acme', member: { tenant: 'acme', role: 'admin' } },
  { email: 'member@acme.test', name: 'Mia Member', says: 'member of acme', member: { tenant: 'acme', role: 'member' } },
  {
    email: 'viewer@acme.test',
    name: 'Victor Viewer',
    says: 'viewer of acme',
    member: { tenant: 'acme', role: 'viewer' },
  },
  {
    email: 'owner@globex.test',
    name: 'Gina Globex',
    says: 'owner of globex (free)',
    member: { tenant: 'globex', role: 'owner' },
  },
  {
    email: 'owner@initech.test',
    name: 'Ian Initech',
    says: 'owner of initech (suspended)',
    member: { tenant: 'initech', role: 'owner' },
  },
  { email: seededOperator, name: 'Petra Operator', says: 'platform admin' },
]
