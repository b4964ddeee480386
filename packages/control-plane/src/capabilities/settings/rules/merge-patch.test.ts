import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalJson, type JsonObject, type JsonValue } from './json.ts'
import { createMergePatch, mergePatch } from './merge-patch.ts'

const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })).map((value) => value as JsonObject)
// A document that came about by merging holds no null outside of its lists.
const merged = document.map((value) => mergePatch({}, value))

describe('the test cases of RFC 7396, appendix A', () => {
  test.each<[JsonValue, JsonValue, JsonValue]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j patched with %j is %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toStrictEqual(expected)
  })
})

describe('merging', () => {
  test('a second time changes nothing more', () => {
    fc.assert(
      fc.property(document, document, (target, patch) => {
        const once = mergePatch(target, patch)
        expect(equalJson(mergePatch(once, patch), once)).toBe(true)
      }),
    )
  })

  test('leaves both of its arguments alone', () => {
    fc.assert(
      fc.property(document, document, (target, patch) => {
        const before = JSON.stringify([target, patch])
        mergePatch(target, patch)
        expect(JSON.stringify([target, patch])).toBe(before)
      }),
    )
  })

  test('patches of different keys gives the same in either order', () => {
    fc.assert(
      fc.property(document, fc.jsonValue(), fc.jsonValue(), (target, left, right) => {
        const [first, second] = [{ left } as JsonObject, { right } as JsonObject]
        expect(
          equalJson(mergePatch(mergePatch(target, first), second), mergePatch(mergePatch(target, second), first)),
        ).toBe(true)
      }),
    )
  })

  test('makes __proto__ an own key and reaches no prototype', () => {
    const patch = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}')
    const result = mergePatch({}, patch)
    expect(Object.keys(result)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })
})

describe('a made patch', () => {
  test('turns the one document into the other', () => {
    fc.assert(
      fc.property(merged, merged, (from, to) => {
        expect(equalJson(mergePatch(from, createMergePatch(from, to)), to)).toBe(true)
      }),
    )
  })

  test('is empty between equal documents and names only what differs', () => {
    fc.assert(fc.property(merged, (value) => void expect(createMergePatch(value, value)).toEqual({})))
    expect(createMergePatch({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { b: { c: 2, d: 4 }, e: [1] })).toEqual({
      a: null,
      b: { d: 4 },
    })
  })
})
