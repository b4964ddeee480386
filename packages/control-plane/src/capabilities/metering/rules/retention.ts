/** How long usage events are kept one by one; counters and days are kept as long as their tenant. */
export const eventRetentionDays = 400
