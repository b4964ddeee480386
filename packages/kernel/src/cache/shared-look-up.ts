import type { LRUCache } from 'lru-cache'

/** Callers that ask at the same moment share one look-up; a failed one is not remembered. */
export function sharedLookUp<Value extends object>(
  cache: LRUCache<string, Promise<Value>>,
  key: string,
  find: () => Promise<Value>,
): Promise<Value> {
  const known = cache.get(key)
  if (known !== undefined) return known
  const running = find()
  cache.set(key, running)
  running.catch(() => cache.delete(key))
  return running
}
