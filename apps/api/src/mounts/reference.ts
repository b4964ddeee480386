import { appRouter } from '@tenantry/control-plane'
import { buildOpenApiDocument } from '@tenantry/shared/openapi/document'
import { Router, static as serveFiles } from 'express'
import { getAbsoluteFSPath } from 'swagger-ui-dist'
import examples from './reference-examples.json' with { type: 'json' }

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

/** The OpenAPI document and a page that reads it, all from our own files. */
export function mountReference(version: string): Router {
  const router = Router()
  const document = JSON.stringify(buildOpenApiDocument(appRouter, { serverUrl: '/api/v1', version, examples }))
  router.get('/openapi.json', (_request, response) => {
    response.type('application/json').send(document)
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
