import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import { encoded } from '../support/encoded.ts'

/** The server's order: new ones at the end, a removed one replaced by the last. */
class Model {
  readonly bins: [string, number][] = []

  set(name: string, type: number): void {
    const bin = this.bins.find(([known]) => known === name)
    if (bin === undefined) this.bins.push([name, type])
    else bin[1] = type
  }

  delete(name: string): void {
    const at = this.bins.findIndex(([known]) => known === name)
    const last = this.bins.at(-1)
    if (at < 0 || last === undefined) return
    this.bins[at] = last
    this.bins.pop()
  }
}

const step = fc.record({
  // More is set than removed, so that lists get long.
  remove: fc.integer({ min: 0, max: 4 }).map(number => number === 0),
  // More names than the length from which a list is indexed.
  name: fc.integer({ min: 0, max: 60 }).map(number => `bin${number}`),
  type: fc.integer({ min: 1, max: 20 }),
})

describe('BinList', () => {
  it('keeps bins in the order of the server, whatever is set and removed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
        const model = new Model()
        let list = BinList.empty()
        for (const { remove, name, type } of steps) {
          if (remove) {
            model.delete(name)
            list.delete(name)
          } else {
            model.set(name, type)
            list.set(name, type, Buffer.from(name))
          }
          expect(list.get(name)?.type).toBe(model.bins.find(([known]) => known === name)?.[1])
        }
        expect(Array.from(list, bin => [bin.name, bin.type])).toEqual(model.bins)
        for (const [name, type] of model.bins) expect(list.get(name)?.type).toBe(type)
        list = BinList.decode(encoded(list), list.count)
        expect(Array.from(list, bin => [bin.name, bin.type, bin.value.toString()])).toEqual(
          model.bins.map(([name, type]) => [name, type, name]),
        )
      }),
    )
  })

  it('stores values in memory of its own', () => {
    const value = Buffer.from('before')
    const list = BinList.empty()
    list.set('a', 4, value)
    const stored = encoded(list)
    value.fill(0)
    expect(BinList.decode(stored, 1).get('a')?.value.toString()).toBe('before')
  })

  it('starts anew after clear', () => {
    const list = BinList.empty()
    for (let at = 0; at < 40; at++) list.set(`bin${at}`, 1, Buffer.alloc(0))
    list.clear()
    list.set('bin7', 2, Buffer.alloc(0))
    expect([list.count, list.get('bin7')?.type, list.get('bin8')]).toEqual([1, 2, undefined])
  })
})
