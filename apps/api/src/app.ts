import { randomUUID } from 'node:crypto'
import { version } from '@tenantry/control-plane/version'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { toProblem } from '@tenantry/kernel/errors/problem'
import cors from 'cors'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import type { Config } from './config.ts'
import type { Installation } from './dependencies.ts'
import { requireHttps } from './https-only.ts'
import { mountDevelopment } from './mounts/development.ts'
import { mountHealth } from './mounts/health.ts'
import { mountReference } from './mounts/reference.ts'
import { mountRest } from './mounts/rest.ts'
import { mountTrpc } from './mounts/trpc.ts'
import type { ContextOptions } from './request-context.ts'
import { requestIdOf } from './request-id.ts'
import { logRequests } from './request-log.ts'

export interface AppState {
  draining: boolean
}

/** Joins the doors on one Express application; listens to nothing. */
export function createApp(config: Config, installation: Installation, state: AppState): Express {
  const { dependencies, database, metrics, redis, developmentIssuer } = installation
  const context: ContextOptions = {
    dependencies,
    baseDomain: config.BASE_DOMAIN,
    trustedProxies: config.TRUSTED_PROXIES,
  }
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple')
  app.use((_request, response, next) => {
    // Whoever keeps the connection is to open its next one elsewhere.
    if (state.draining) response.setHeader('Connection', 'close')
    next()
  })
  app.use(
    helmet({
      strictTransportSecurity: !config.developmentIssuer,
      contentSecurityPolicy: contentSecurityPolicy(config),
    }),
  )
  app.use(
    mountHealth({
      database,
      metrics,
      redis,
      metricsToken: config.METRICS_TOKEN,
      development: config.developmentIssuer,
      draining: () => state.draining,
      hasOldCatalogue: dependencies.services.liveCatalogue.isOutdated,
    }),
  )
  if (config.LOG_REQUESTS) app.use(logRequests(dependencies.logger))
  if (config.REQUIRE_HTTPS) app.use(requireHttps(config.TRUSTED_PROXIES))
  app.use(['/api', '/trpc'], allowOrigins(config))
  if (developmentIssuer) app.use(mountDevelopment(developmentIssuer, dependencies))
  app.use('/trpc', mountTrpc(context))
  app.use('/api/v1', mountRest(context))
  app.use('/api', mountReference(version))
  app.get('/', (_request, response) => response.redirect('/api/docs'))
  app.use(() => {
    throw requestErrors.not_found()
  })
  app.use(answerErrors(installation))
  return app
}

/** Credentials travel in headers that a page must set itself, never in cookies: no origin is trusted with more. */
function allowOrigins({ CORS_ORIGINS }: Config): RequestHandler {
  if (CORS_ORIGINS.length === 0) return (_request, _response, next) => next()
  return cors({
    origin: CORS_ORIGINS,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'ETag',
      'Idempotency-Replayed',
      'Link',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'X-Request-Id',
    ],
    maxAge: 600,
  })
}

/** Swagger UI draws with inline styles and data: images; scripts are our own files only. */
function contentSecurityPolicy({ developmentIssuer }: Config) {
  const directives = {
    defaultSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'", 'data:'],
    upgradeInsecureRequests: developmentIssuer ? null : [],
  }
  return { useDefaults: true, directives }
}

function answerErrors({ dependencies }: Installation): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    const requestId = requestIdOf(request, response) || randomUUID()
    const known = error instanceof AppError ? error : fromExpress(error)
    if (!known) dependencies.logger.error({ err: error, requestId }, 'a request failed')
    const problem = toProblem(known ?? error, requestId, request.path)
    if (known?.details.retryAfterSeconds !== undefined)
      response.set('Retry-After', String(known.details.retryAfterSeconds))
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem))
  }
}

/** What body parsing, routing and file serving of Express throw carries a status. */
function fromExpress(error: unknown): AppError | null {
  const { status } = error as { status?: unknown }
  if (status === 413) return requestErrors.too_large()
  if (status === 415) return requestErrors.unsupported_media_type()
  if (status === 400) return requestErrors.invalid({ issues: [{ path: '', message: 'Expected a JSON body.' }] })
  // A precondition on a file, and whatever else is not our fault.
  return typeof status === 'number' && status > 400 && status < 500 ? requestErrors.invalid() : null
}
