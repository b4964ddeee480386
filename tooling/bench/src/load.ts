import autocannon from 'autocannon'

export interface Target {
  url: string
  headers: Record<string, string>
  /** Sent by POST, as JSON; without it the target is read by GET. */
  json?: unknown
  /** Calls in flight. */
  connections?: number
  /** What no answer may say, although it is 2xx. */
  refusal?: string
}

export interface Sample {
  requestsPerSecond: number
  p50Milliseconds: number
  p99Milliseconds: number
}

/** Keeps sixteen calls in flight for that long; fails if one of them fails. */
export type Load = (seconds: number) => Promise<Sample>

const inFlight = 16

/** Over kept-alive connections; anything but 2xx is a failure. */
export const httpLoad =
  (target: Target): Load =>
  (seconds) =>
    send(target, { duration: seconds })

export async function sendRequests(target: Target, count: number): Promise<void> {
  await send(target, { amount: count })
}

async function send(target: Target, extent: { duration: number } | { amount: number }): Promise<Sample> {
  const { url, connections = inFlight, refusal } = target
  const verify =
    refusal === undefined ? {} : { verifyBody: (body?: string | Buffer) => body?.includes(refusal) === false }
  const result = await autocannon({ url, ...requestOf(target), connections, ...verify, ...extent })
  if (result.errors > 0 || result.non2xx > 0 || result.mismatches > 0) {
    throw new Error(
      `${url}: ${result.errors} errors, ${result.non2xx} answers other than 2xx and ${result.mismatches} that refuse`,
    )
  }
  return {
    requestsPerSecond: result.requests.average,
    p50Milliseconds: result.latency.p50,
    p99Milliseconds: result.latency.p99,
  }
}

function requestOf({ headers, json }: Target): Pick<autocannon.Options, 'method' | 'headers' | 'body'> {
  if (json === undefined) return { headers }
  return { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(json) }
}

/** Calls in this process; `call` is told how many were made before it. As many at once as over HTTP, unless told. */
export function processLoad(call: (index: number) => Promise<void>, callers = inFlight): Load {
  let index = 0
  return async (seconds) => {
    const start = performance.now()
    const end = start + seconds * 1_000
    const milliseconds: number[] = []
    const keepCalling = async () => {
      while (performance.now() < end) {
        const called = performance.now()
        await call(index++)
        milliseconds.push(performance.now() - called)
      }
    }
    await Promise.all(Array.from({ length: callers }, keepCalling))
    const took = (performance.now() - start) / 1_000
    milliseconds.sort((left, right) => left - right)
    const percentile = (share: number) => milliseconds[Math.floor(milliseconds.length * share)] ?? Number.NaN
    return {
      requestsPerSecond: milliseconds.length / took,
      p50Milliseconds: percentile(0.5),
      p99Milliseconds: percentile(0.99),
    }
  }
}
