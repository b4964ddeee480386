export { listTenantsWithGone } from './repository/runs.ts'
export { loseGone } from './repository/write.ts'
