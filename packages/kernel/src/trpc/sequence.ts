import type { TenantAccess } from '../context/dependencies.ts'
import type { Sequence, TenantContext } from '../context/request-context.ts'
import { runUnit, type UnitCaller } from './unit.ts'

/**
 * What a service gets that works in a sequence of transactions. What it does on the operators' connection it does on
 * behalf of the caller, who must have been let in by the operation's own rules.
 */
export function openSequence(caller: UnitCaller): Sequence {
  const { dependencies, actor, requestId, logger } = caller
  const { clock, services, sealer, database } = dependencies
  const fields = { actor, clock, logger, services }
  return {
    ...fields,
    requestId,
    sealer,
    exclusively: database.exclusively,
    unit: {
      platform: (work, tenantId) => {
        const target = { kind: 'platform', tenantId: tenantId ?? null, readOnly: false } as const
        return runUnit(caller, target, (unit) => work({ ...fields, ...unit }))
      },
      tenant: (access, work) => inTenant(access, work, true),
      member: (access, work) => inTenant(access, work, actor.type === 'platformAdmin'),
    },
  }

  function inTenant<Result>(
    access: TenantAccess,
    work: (unit: TenantContext) => Promise<Result>,
    asOperator: boolean,
  ): Promise<Result> {
    const { tenant } = access
    const target = { kind: 'tenant', tenantId: tenant.id, asOperator, readOnly: false } as const
    return runUnit(caller, target, (unit) => work({ ...fields, ...unit, access, tenant, eventKey: null }))
  }
}
