import { scheduledJobs } from '@tenantry/control-plane/jobs'
import { developmentIssuerName } from '@tenantry/control-plane/seeds'
import { type InstallationParts, openParts } from '@tenantry/installation/open'
import type { Storage } from '@tenantry/installation/storage'
import { createDevelopmentIssuer, type DevelopmentIssuer } from '@tenantry/kernel/authentication/development-issuer'
import { discoverIssuer } from '@tenantry/kernel/authentication/issuer-keys'
import { createTokenVerifier, type TrustedIssuer } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import { startJobs } from '@tenantry/kernel/jobs/jobs'
import { createMailer } from '@tenantry/kernel/mail/mailer'
import type { Config } from './config.ts'

/** Everything a service holds, and how it lets go of it. */
export interface Installation extends Omit<InstallationParts, 'storage' | 'close'> {
  developmentIssuer: DevelopmentIssuer | null
  close(): Promise<void>
}

export async function openInstallation(config: Config): Promise<Installation> {
  const { SMTP_URL, MAIL_FROM } = config
  const mailer = SMTP_URL && MAIL_FROM ? createMailer({ url: SMTP_URL, from: MAIL_FROM }) : null
  const { storage, close, ...parts } = await openParts(config, {
    prepare: true,
    join: false,
    replacesCatalogue: true,
    authenticator: (opened) =>
      createTokenVerifier({
        issuers: trustedIssuers(config, developmentIssuerOf(config, opened)),
        clock: systemClock,
      }),
    platformAccess: config.PLATFORM_ACCESS,
    mailer,
    publicUrl: config.PUBLIC_URL,
    selfServiceSignUp: config.SELF_SERVICE_SIGNUP === 'true',
    streams: { heartbeatMilliseconds: config.STREAM_HEARTBEAT_MS, streamsPerTenant: config.STREAMS_PER_TENANT },
  })
  const { logger } = parts.dependencies
  const jobs = await startJobs({ jobsUrl: storage.jobsUrl, logger, jobs: scheduledJobs(parts.dependencies) })
  return {
    ...parts,
    developmentIssuer: developmentIssuerOf(config, storage),
    close: async () => {
      await close(() => jobs.stop())
      mailer?.close()
    },
  }
}

function developmentIssuerOf(config: Config, { developmentKey: key }: Storage): DevelopmentIssuer | null {
  if (!config.developmentIssuer || key === null) return null
  return createDevelopmentIssuer({ issuer: developmentIssuerName, audience: 'tenantry', key, clock: systemClock })
}

function trustedIssuers(config: Config, developmentIssuer: DevelopmentIssuer | null): TrustedIssuer[] {
  const [name = '', value = ''] = config.PLATFORM_ADMIN_CLAIM.split(/=(.*)/)
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = config
  const external =
    issuer && audience ? [{ issuer, audience, keys: discoverIssuer(issuer), platformAdminClaim: { name, value } }] : []
  return [...external, ...(developmentIssuer ? [developmentIssuer] : [])]
}
