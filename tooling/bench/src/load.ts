import autocannon from 'autocannon'

export interface Target {
  url: string
  headers: Record<string, string>
}

export interface Sample {
  requestsPerSecond: number
  p50Milliseconds: number
  p99Milliseconds: number
}

const connections = 16

/** Sends requests over kept-alive connections; fails if one was answered with anything but 2xx. */
export async function load({ url, headers }: Target, seconds: number): Promise<Sample> {
  const result = await autocannon({ url, headers, connections, duration: seconds })
  if (result.errors > 0 || result.non2xx > 0) {
    throw new Error(`${url}: ${result.errors} errors and ${result.non2xx} answers other than 2xx`)
  }
  return {
    requestsPerSecond: result.requests.average,
    p50Milliseconds: result.latency.p50,
    p99Milliseconds: result.latency.p99,
  }
}
