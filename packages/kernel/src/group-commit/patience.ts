/** How long a caller waits for what others hold, or for a database that is gone, before it is told to come again. */
export const patienceMilliseconds = 3_000
export const retryMilliseconds = 50
