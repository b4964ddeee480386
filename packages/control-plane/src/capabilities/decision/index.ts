export { explainPath } from './service/explain-path.ts'
