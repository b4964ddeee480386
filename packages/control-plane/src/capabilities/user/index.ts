export { createSightings } from './service/sightings.ts'
