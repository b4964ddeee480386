/** Of Tenantry, as its packages say it. */
export const version = '0.1.0'
