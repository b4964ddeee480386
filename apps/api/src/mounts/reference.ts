import { appRouter } from '@tenantry/control-plane'
import { Router, static as serveFiles } from 'express'
import getAbsoluteFSPath from 'swagger-ui-dist/absolute-path.js'

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tenantry API reference</title>
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="reference"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>`

const start = `SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#reference', deepLinking: true, docExpansion: 'list',
  defaultModelsExpandDepth: 0, tryItOutEnabled: true, persistAuthorization: false, validatorUrl: null })`

/** Made when it is first asked for: most processes are never asked, and making it takes memory that they keep. */
async function writeDocument(version: string): Promise<string> {
  const [{ buildOpenApiDocument }, { default: examples }] = await Promise.all([
    import('@tenantry/shared/openapi/document'),
    import('./reference-examples.json', { with: { type: 'json' } }),
  ])
  return JSON.stringify(buildOpenApiDocument(appRouter, { serverUrl: '/api/v1', version, examples }))
}

/** The OpenAPI document and a page that reads it, all from our own files. */
export function mountReference(version: string): Router {
  const router = Router()
  let document: Promise<string> | undefined
  router.get('/openapi.json', async (_request, response) => {
    document ??= writeDocument(version)
    response.type('application/json').send(await document)
  })
  router.get('/docs', (_request, response) => {
    response.type('html').send(page)
  })
  router.get('/docs/start.js', (_request, response) => {
    response.type('text/javascript').send(start)
  })
  router.use('/docs/assets', serveFiles(getAbsoluteFSPath(), { index: false, maxAge: '1d', acceptRanges: false }))
  return router
}
