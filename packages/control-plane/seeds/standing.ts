import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { developmentIssuerName } from './demo.ts'
import { seededOperator, seededUsers } from './people.ts'

export interface StandingPerson {
  email: string
  name: string
  /** What they are now. */
  says: string
}

interface Row {
  email: string
  state: string
  roles: string[] | null
}

const asked = /* sql */ `select u.subject as email, u.state,
    array_agg(m.role || ' of ' || t.slug || case when t.status = 'active' then '' else ' (' || t.status || ')' end order by t.slug)
      filter (where t.id is not null) as roles
  from tenantry.users u
  left join tenantry.memberships m on m.user_id = u.id
  left join tenantry.tenants t on t.id = m.tenant_id and t.status <> 'purged'
 where u.issuer = $1 group by u.id`

/** The people of the demo as they stand: what became of them since counts, not what they were made as. */
export async function demoPeople({ database }: Dependencies): Promise<StandingPerson[]> {
  const rows = await database.platformRead<Row>(
    { type: 'system', name: 'seed' },
    { text: asked, values: [developmentIssuerName] },
  )
  const known = new Map(rows.map((row) => [row.email, row]))
  return seededUsers.map(({ email, name }) => ({ email, name, says: saying(email, known.get(email)) }))
}

function saying(email: string, row: Row | undefined): string {
  if (row && row.state !== 'active') return row.state
  const roles = row?.roles ?? []
  const all = email === seededOperator ? ['platform admin', ...roles] : roles
  return all.length === 0 ? 'of no tenant' : all.join(', ')
}
