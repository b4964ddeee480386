/** A deeply frozen record without a prototype, so that a look-up by a caller's text finds entries only. */
export function frozenRecord<Value>(entries: readonly (readonly [string, Value])[]): Readonly<Record<string, Value>> {
  return deepFreeze(Object.assign(Object.create(null), Object.fromEntries(entries)))
}

/** A set whose changing methods throw: Object.freeze alone does not keep a Set from growing. */
export function frozenSet<Value>(values: Iterable<Value>): ReadonlySet<Value> {
  const refuse = () => {
    throw new TypeError('This set is frozen.')
  }
  const set = new Set(values)
  for (const name of ['add', 'delete', 'clear']) Object.defineProperty(set, name, { value: refuse })
  return Object.freeze(set)
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
