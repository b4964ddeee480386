import { serveBare } from './bare-server.ts'
import { emptyRouter } from './empty-router.ts'

serveBare(emptyRouter)
