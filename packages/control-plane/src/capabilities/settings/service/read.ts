import type { ReadTenant, ServiceContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { getOwnTenant, type Tenant } from '../../tenant/index.ts'
import type { TenantSettings } from '../entity.ts'
import { findSettings, listInheritedSettings, storedSettings } from '../repository.ts'
import { redactSensitive } from '../rules/effective.ts'
import { type Inheritance, inheritanceFrom, provenanceOf, settingsUnder } from '../rules/inheritance.ts'
import { settingsJsonSchema } from '../rules/json-schema.ts'
import { isSensitive } from '../rules/keys.ts'
import type { StoredSettings } from '../rules/schema.ts'

export async function getSettings(ctx: TenantContext) {
  const stored = await findSettings(ctx.em)
  const tenant = await getOwnTenant(ctx.em)
  const own = stored ?? { document: {}, version: 1, updatedAt: tenant.createdAt }
  return shown(ctx, { ...own, name: tenant.name, inheritance: await inheritanceOf(ctx, tenant) })
}

export function getSettingsSchema() {
  return settingsJsonSchema() as Record<string, unknown>
}

/** What holds for a tenant. */
export async function readSettings(read: ReadTenant) {
  const [{ document, inherited } = { document: null, inherited: [] }] = await read(storedSettings)
  return settingsUnder(inheritanceFrom(inherited), document ?? {})
}

/** What holds for the tenant of a unit of work. */
export async function getEffectiveSettings(ctx: TenantContext) {
  const stored = await findSettings(ctx.em)
  const inheritance = await inheritanceOf(ctx, await getOwnTenant(ctx.em))
  return settingsUnder(inheritance, (stored?.document ?? {}) as StoredSettings)
}

/** What holds for the tenant of the signature before it sets anything itself. */
export async function getInheritedSettings({ em }: Pick<ServiceContext, 'em'>) {
  return settingsUnder(inheritanceFrom(await listInheritedSettings(em)), {})
}

/** The platform's own figures for a tenant; null takes the plan's. */
export async function readRateLimits(read: ReadTenant) {
  return (await readSettings(read)).rateLimits
}

export async function inheritanceOf({ em }: TenantContext, { parent }: Pick<Tenant, 'parent'>): Promise<Inheritance> {
  return inheritanceFrom(parent ? await listInheritedSettings(em) : [])
}

export interface ShownSettings extends Pick<TenantSettings, 'version' | 'updatedAt'> {
  name: string
  /** As stored. */
  document: Record<string, unknown>
  inheritance: Inheritance
}

/** To the caller, who may not be one for sensitive keys. */
export function shown(ctx: TenantContext, { name, document, inheritance, version, updatedAt }: ShownSettings) {
  const own = document as StoredSettings
  const effective = settingsUnder(inheritance, own)
  // biome-ignore lint/plugin: decides which fields are shown, not whether the operation may run.
  const everything = ctx.access.scopes.has('settings:read_sensitive')
  const visible = everything ? effective : redactSensitive(effective)
  const provenance = [...provenanceOf(inheritance, own)].filter(([path]) => everything || !isSensitive(path))
  return {
    name,
    settings: visible as Record<string, unknown>,
    provenance: Object.fromEntries(provenance),
    version,
    updatedAt,
  }
}
