/** One way to break a law, and the way that keeps it. */
export interface Breach {
  law: string
  /** A part of the law's message. */
  message: string
  path: string
  breach: string
  /** Where the same text is allowed; the path of the breach if only the text differs. */
  keptPath?: string
  /** What keeps the law; the text of the breach if only the path differs. */
  kept?: string
}

const capability = 'packages/control-plane/src/capabilities'
const uses = (from: string, type = '') => `import ${type}{ thing } from '${from}'\n\nexport const used = thing\n`
const types = (from: string) => `import type { Thing } from '${from}'\n\nexport type Used = Thing\n`
const text = 'export const shownText = 1\n'

const layers: Breach[] = [
  {
    law: 'packages are imported by name',
    message: 'packages meet at their doors',
    path: 'apps/api/src/by-path.ts',
    breach: uses('../../../packages/kernel/src/context/clock.ts'),
    kept: uses('@tenantry/kernel/context/clock'),
  },
  {
    law: 'the kernel imports no product',
    message: 'the kernel knows no capability',
    path: 'packages/kernel/src/cache/upward.ts',
    breach: uses('@tenantry/control-plane/router'),
    kept: uses('../context/clock.ts'),
  },
  {
    law: 'the kernel does not import the product dynamically',
    message: 'the kernel knows no capability',
    path: 'packages/kernel/src/cache/late.ts',
    breach: `export const load = () => import('@tenantry/control-plane/router')\n`,
    kept: `export const load = () => import('../context/clock.ts')\n`,
  },
  {
    law: 'the control plane imports the kernel only',
    message: 'The control plane stands on @tenantry/kernel alone',
    path: 'packages/control-plane/src/upward.ts',
    breach: uses('@tenantry/shared/openapi/express'),
    kept: uses('@tenantry/kernel/context/clock'),
  },
  {
    law: 'shared imports no app',
    message: 'packages/shared stands on',
    path: 'packages/shared/src/upward.ts',
    breach: uses('@tenantry/api/config'),
    kept: uses('@tenantry/control-plane/caller'),
  },
  {
    law: 'only packages/installation starts the embedded server',
    message: 'packages/installation starts the embedded database',
    path: 'apps/worker/src/database.ts',
    breach: uses('@tenantry/embedded'),
    keptPath: 'packages/installation/src/database.ts',
  },
  {
    law: 'packages/installation imports no door',
    message: 'packages/installation opens what',
    path: 'packages/installation/src/upward.ts',
    breach: uses('@tenantry/shared/openapi/express'),
    kept: uses('@tenantry/control-plane/dependencies'),
  },
  {
    law: 'an app imports no other app',
    message: 'an app imports packages, never another app',
    path: 'apps/api/src/sideways.ts',
    breach: uses('@tenantry/worker/config'),
    kept: uses('@tenantry/shared/openapi/express'),
  },
  {
    law: 'a capability is entered through its index.ts from outside',
    message: 'from outside a capability is entered through its index.ts',
    path: 'packages/control-plane/src/outside.ts',
    breach: uses('./capabilities/plan/service.ts'),
    kept: uses('./capabilities/plan/index.ts'),
  },
  {
    law: 'an app enters a capability through its index.ts',
    message: 'from outside a capability is entered through its index.ts',
    path: 'apps/api/src/outside.ts',
    breach: uses('@tenantry/control-plane/capabilities/plan/rules/catalogue'),
    kept: uses('@tenantry/control-plane/capabilities/plan/index'),
  },
]

const capabilities: Breach[] = [
  {
    law: 'a sibling is entered through its index.ts',
    message: 'a capability imports a sibling only through its index.ts',
    path: `${capability}/door/service.ts`,
    breach: uses('../tenant/repository.ts'),
    kept: uses('../tenant/index.ts'),
  },
  {
    law: 'rules enter a sibling through its index.ts',
    message: 'a capability imports a sibling only through its index.ts',
    path: `${capability}/door/rules/ladder.ts`,
    breach: types('../../plan/rules/catalogue.ts'),
    kept: types('../../plan/index.ts'),
  },
  {
    law: 'a capability imports nothing of the composition',
    message: 'nothing of the composition above it',
    path: `${capability}/upward/repository.ts`,
    breach: uses('../../entities.ts'),
    kept: uses('./entity.ts'),
  },
  {
    law: 'contract.ts stays loadable by clients',
    message: 'contract.ts imports zod, kernel/contract',
    path: `${capability}/heavy/contract.ts`,
    breach: uses('@tenantry/kernel/tenancy/id'),
    kept: uses('@tenantry/kernel/contract/wire'),
  },
  {
    law: 'contract.ts takes of a sibling its contract only',
    message: 'contract.ts imports zod, kernel/contract',
    path: `${capability}/heavier/contract.ts`,
    breach: uses('../tenant/index.ts'),
    kept: uses('../tenant/contract.ts'),
  },
  {
    law: 'contract.ts stands on no other role',
    message: 'contract.ts imports zod, kernel/contract',
    path: `${capability}/upside-down/contract.ts`,
    breach: uses('./entity.ts'),
    kept: uses('zod'),
  },
  {
    law: 'router.ts leaves queries to the service',
    message: 'router.ts only joins contract.ts to service.ts',
    path: `${capability}/shortcut/router.ts`,
    breach: uses('./repository.ts'),
    kept: uses('./service.ts'),
  },
  {
    law: 'service.ts knows no door',
    message: 'service.ts knows no door',
    path: `${capability}/upside-down/service.ts`,
    breach: uses('./router.ts'),
    kept: uses('./repository.ts'),
  },
  {
    law: 'service.ts takes only types from entity.ts',
    message: 'service.ts takes types from entity.ts only',
    path: `${capability}/shortcut/service.ts`,
    breach: uses('./entity.ts'),
    kept: types('./entity.ts'),
  },
  {
    law: 'repository.ts knows no service',
    message: 'repository.ts only asks the database',
    path: `${capability}/upside-down/repository.ts`,
    breach: uses('./service.ts'),
    kept: uses('./contract.ts'),
  },
  {
    law: 'entity.ts imports no query',
    message: 'entity.ts imports no other role',
    path: `${capability}/upside-down/entity.ts`,
    breach: uses('./repository.ts'),
    kept: uses('@tenantry/kernel/tenancy/tenant-table'),
  },
  {
    law: 'entity.ts imports no sibling',
    message: 'entity.ts imports no other role and no sibling',
    path: `${capability}/sideways/entity.ts`,
    breach: uses('../tenant/index.ts'),
    kept: uses('@tenantry/kernel/tenancy/id'),
  },
  {
    law: 'rules read no database',
    message: 'rules are pure',
    path: `${capability}/impure/rules/count.ts`,
    breach: uses('../repository.ts'),
    kept: uses('./ladder.ts'),
  },
  {
    law: 'rules know no request',
    message: 'rules are pure',
    path: `${capability}/impure/rules/request.ts`,
    breach: types('@tenantry/kernel/context/request-context'),
    kept: types('@tenantry/kernel/contract/wire'),
  },
]

const single: Breach[] = [
  {
    law: 'a service imports no MikroORM, not even a type',
    message: 'only entity.ts, repository.ts, factory.ts and kernel/tenancy import MikroORM',
    path: `${capability}/orm/service.ts`,
    breach: types('@mikro-orm/core'),
    keptPath: `${capability}/orm/repository.ts`,
  },
  {
    law: 'the pipeline knows MikroORM by type only',
    message: 'the pipeline knows MikroORM by type only',
    path: 'packages/kernel/src/trpc/orm.ts',
    breach: uses('@mikro-orm/postgresql'),
    kept: types('@mikro-orm/postgresql'),
  },
  {
    law: 'a repository opens no raw connection',
    message: 'raw connections only in kernel/tenancy and kernel/jobs',
    path: `${capability}/raw/repository.ts`,
    breach: uses('pg'),
    keptPath: 'packages/kernel/src/tenancy/raw.ts',
  },
  {
    law: 'TRPCError stays in the kernel',
    message: 'Declare the error with defineErrors',
    path: `${capability}/error/service.ts`,
    breach: `import { TRPCError } from '@trpc/server'\n\nexport const used = TRPCError\n`,
    keptPath: 'packages/kernel/src/errors/trpc.ts',
  },
  {
    law: 'the environment is read in config.ts',
    message: 'the environment is read once',
    path: 'apps/worker/src/main.ts',
    breach: 'export const port = process.env.PORT\n',
    keptPath: 'apps/worker/src/config.ts',
  },
  {
    law: 'env is not imported to get around it',
    message: 'the environment is read once',
    path: 'packages/kernel/src/cache/environment.ts',
    breach: `import { env } from 'node:process'\n\nexport const port = env.PORT\n`,
    kept: `import { pid } from 'node:process'\n\nexport const own = pid\n`,
  },
  {
    law: 'no file is named after nothing',
    message: 'no file is named utils',
    path: 'packages/kernel/src/cache/utils.ts',
    breach: text,
    keptPath: 'packages/kernel/src/cache/text.ts',
  },
  ...['there', 'back'].map((name, index) => ({
    law: `no import circle, on the way ${name}`,
    message: 'This import is part of a cycle',
    path: `packages/kernel/src/cache/circle-${name}.ts`,
    breach: uses(`./circle-${['back', 'there'][index]}.ts`),
    kept: text,
  })),
]

const service = (body: string) => `export async function act(ctx: Context) {\n  ${body}\n}\n`

/** What a service does, and what it leaves to the pipeline. */
const services: Breach[] = [
  {
    law: 'a service opens no transaction',
    message: 'a service opens no transaction',
    path: `${capability}/transactional/service.ts`,
    breach: service('return ctx.em.transactional(work)'),
    kept: service('return work(ctx.em)'),
  },
  {
    law: 'a service opens no unit of work',
    message: 'a service opens no transaction',
    path: `${capability}/units/service.ts`,
    breach: service('return ctx.database.tenantUnit({ readOnly: true }, work)'),
    kept: service('return findWork(ctx.em)'),
  },
  {
    law: 'a service has no catch clause',
    message: 'a service catches no error',
    path: `${capability}/catching/service.ts`,
    breach: service('try {\n    return await work(ctx.em)\n  } catch {\n    return null\n  }'),
    kept: service('return await work(ctx.em)'),
  },
  {
    law: 'a service handles no rejection',
    message: 'a service catches no error',
    path: `${capability}/handling/service.ts`,
    breach: service('return work(ctx.em).catch(() => null)'),
    kept: service('return work(ctx.em).then(describe)'),
  },
  {
    law: 'a service checks no scope',
    message: 'a service checks no scope',
    path: `${capability}/scopes/service.ts`,
    breach: service(`return ctx.access.scopes.has('tenant:read')`),
    kept: service('return ctx.access.role'),
  },
  ...['new Date()', 'Date.now()', 'performance.now()', 'DateTime.now()'].map((reading, index) => ({
    law: `a service does not read the clock by ${reading}`,
    message: 'the only clock is ctx.clock',
    path: `${capability}/clock-${index}/service.ts`,
    breach: service(`return ctx.save(${reading})`),
    kept: service('return ctx.save(ctx.clock.now(), new Date(0))'),
  })),
]

export const breaches: Breach[] = [...layers, ...capabilities, ...single, ...services]
