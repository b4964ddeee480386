export type { IsolationReport } from './rules/report.ts'
export type { OwnersView } from './service/catalogue.ts'
export { createIsolation } from './service/isolation.ts'
