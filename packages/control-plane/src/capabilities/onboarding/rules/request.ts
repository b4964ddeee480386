/** What provisioning does beyond the tenant itself; decided when it was asked for, and not again. */
export interface OnboardingRequest {
  owner: {
    /** Null until the person signs in for the first time. */
    userId: string | null
    email: string | null
  }
  /** By meter; null is unlimited. */
  limits: Record<string, number | null>
  createApiKey: boolean
}
