export { heldJson, runSource } from './repository/held.ts'
export { listTenantsWithGone } from './repository/runs.ts'
export { loseGone } from './repository/write.ts'
export { type HeldSlots, slotsValue } from './rules/slots.ts'
