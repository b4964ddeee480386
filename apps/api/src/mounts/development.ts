import { listOutbox } from '@tenantry/control-plane/capabilities/mail/index'
import { seededOperator, seededUsers } from '@tenantry/control-plane/seeds'
import type { DevelopmentIssuer } from '@tenantry/kernel/authentication/development-issuer'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { rateLimitErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import { issuesOf } from '@tenantry/kernel/errors/to-trpc-error'
import { json, type Request, Router } from 'express'
import { z } from 'zod'
import { loopbackHosts } from '../config.ts'

const tokenRequest = z.strictObject({ email: z.email() })
const expectedBody = 'Send {"email": "…"} with `Content-Type: application/json`.'

/** Signs tokens for whoever asks, and shows the mails that were written, the newest first. Mounted only in development, and answers only to a loopback Host: no web page reaches it under its own name. */
export function mountDevelopment(issuer: DevelopmentIssuer, dependencies: Dependencies): Router {
  const { rateLimits, budget } = dependencies
  const router = Router()
  router.get('/dev/outbox', async (request, response) => {
    if (!loopbackHosts.has(hostOf(request))) throw requestErrors.not_found()
    const { to } = request.query
    const mails = await listOutbox(dependencies, typeof to === 'string' && to !== '' ? to.toLowerCase() : undefined)
    response.set('Cache-Control', 'no-store').json({ mails })
  })
  router.post('/dev/token', json({ limit: '4kb' }), async (request, response) => {
    if (!loopbackHosts.has(hostOf(request))) throw requestErrors.not_found()
    const decision = await rateLimits.consume(
      'public',
      `token|${request.socket.remoteAddress}`,
      await budget('public', null),
    )
    if (!decision.allowed) throw rateLimitErrors.exceeded({ retryAfterSeconds: decision.resetSeconds })
    if (!request.is('json')) throw requestErrors.unsupported_media_type({}, expectedBody)
    const parsed = tokenRequest.safeParse(request.body ?? {})
    if (!parsed.success) throw requestErrors.invalid({ issues: issuesOf(parsed.error) })
    const email = parsed.data.email.toLowerCase()
    const name = seededUsers.find((user) => user.email === email)?.name
    const token = await issuer.sign({
      email,
      platformAdmin: email === seededOperator,
      ...(name === undefined ? {} : { name }),
    })
    response.set('Cache-Control', 'no-store').json({ token })
  })
  return router
}

const hostOf = (request: Request) => (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
