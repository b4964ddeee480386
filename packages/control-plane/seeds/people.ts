import type { BaseRole } from '../src/capabilities/access/index.ts'

/** Platform admin of the demo. */
export const seededOperator = 'operator@tenantry.test'

export interface SeededUser {
  email: string
  name: string
  member?: { tenant: string; role: BaseRole }
}

export const seededUsers: readonly SeededUser[] = [
  { email: 'owner@acme.test', name: 'Olivia Owner', member: { tenant: 'acme', role: 'owner' } },
  { email: 'admin@acme.test', name: 'Adam Admin', member: { tenant: 'acme', role: 'admin' } },
  { email: 'member@acme.test', name: 'Mia Member', member: { tenant: 'acme', role: 'member' } },
  {
    email: 'viewer@acme.test',
    name: 'Victor Viewer',
    member: { tenant: 'acme', role: 'viewer' },
  },
  {
    email: 'owner@globex.test',
    name: 'Gina Globex',
    member: { tenant: 'globex', role: 'owner' },
  },
  {
    email: 'owner@initech.test',
    name: 'Ian Initech',
    member: { tenant: 'initech', role: 'owner' },
  },
  { email: seededOperator, name: 'Petra Operator' },
]
