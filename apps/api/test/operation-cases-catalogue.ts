import { rmSync, writeFileSync } from 'node:fs'
import { catalogueText, catalogueWithout } from '@tenantry/control-plane/capabilities/catalogue/service.fixture'
import type { Case } from './operation-case.ts'

type Before = NonNullable<Case['before']>

const asItIs: Before = async ({ installation }) => rmSync(installation.catalogueFile, { force: true })
const saying =
  (text: string): Before =>
  async ({ installation }) =>
    writeFileSync(installation.catalogueFile, text)

/** Of tenants of the moment. */
const steadyCounts = (text: string) => text.replaceAll(/use it: \d+/g, 'use it: 12')

const dearer = catalogueText({ 'monthlyPriceMicros: 29_000_000': 'monthlyPriceMicros: 39_000_000' })

/** All of them write the one file of the installation. */
const reloads: Case[] = [
  { expects: 'ok', as: 'operator', input: { dryRun: true }, before: saying(dearer) },
  { expects: 'ok', as: 'operator', before: asItIs },
  { expects: 'auth.permission_denied', as: 'owner', before: asItIs },
  { expects: 'catalogue.invalid', as: 'operator', before: saying(catalogueText({ 'users: 5\n': 'users: five\n' })) },
  { expects: 'catalogue.in_use', as: 'operator', before: saying(catalogueWithout('starter')), steady: steadyCounts },
  { expects: 'request.invalid', as: 'operator', input: { dryRun: 'yes' }, before: asItIs },
]

export const catalogueCases: Record<string, Case[]> = {
  'catalogue.reload': reloads.map((one) => ({ ...one, isAlone: true })),
}
