export type { OnboardingOptions } from './service/refusals.ts'
export { resumeOnboardings } from './service/resume.ts'
