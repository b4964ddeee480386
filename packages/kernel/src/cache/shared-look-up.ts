import type { LRUCache } from 'lru-cache'

/**
 * Callers that ask at the same moment share one look-up; a failed one is not remembered. `keptMilliseconds` tells how long
 * an answer is, where not as long as the cache keeps any.
 */
export function sharedLookUp<Value extends object>(
  cache: LRUCache<string, Promise<Value>>,
  key: string,
  find: () => Promise<Value>,
  keptMilliseconds: (value: Value) => number | undefined = () => undefined,
): Promise<Value> {
  const known = cache.get(key)
  if (known !== undefined) return known
  const running = find()
  cache.set(key, running)
  running.then(
    (value) => {
      const ttl = keptMilliseconds(value)
      if (ttl !== undefined && cache.peek(key) === running) cache.set(key, running, { ttl })
    },
    () => cache.delete(key),
  )
  return running
}
