import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ABSENT, TxidTable, txidHash } from '../../lib/store/txid-table.ts'

function txid(number: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(number, 28)
  return bytes
}

describe('TxidTable', () => {
  it('gives each txid a number of its own, and keeps it, whatever else comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { minLength: 1, maxLength: 400 }), steps => {
        const table = new TxidTable(16)
        const numbers = new Map<number, number>()
        for (const [isAdded, key] of steps) {
          const known = numbers.get(key)
          if (isAdded) {
            const entry = table.add(txid(key))
            if (known === undefined) expect([...numbers.values()]).not.toContain(entry)
            else expect(entry).toBe(known)
            numbers.set(key, entry)
          } else if (known !== undefined) {
            table.remove(known)
            numbers.delete(key)
          }
        }
        expect(table.size).toBe(numbers.size)
        for (let key = 0; key <= 60; key++) expect(table.find(txid(key))).toBe(numbers.get(key) ?? ABSENT)
      }),
      { seed: 20_261_122 },
    )
  })

  it('keeps thousands, in numbers from 0 on', () => {
    const table = new TxidTable(1)
    for (let key = 0; key < 20_000; key++) expect(table.add(txid(key))).toBe(key)
    for (let key = 0; key < 20_000; key++) expect(table.find(txid(key))).toBe(key)
  })

  it('hashes apart what whoever chooses txids would make collide', () => {
    // The topmost bit of a word, taken back in the next one, cancels where only products with odd factors are mixed.
    const crafted = (number: number): Buffer => {
      const bytes = Buffer.alloc(32)
      for (let bit = 0; bit < 4; bit++) {
        if ((number & (1 << bit)) === 0) continue
        bytes.writeUInt32LE(0x80000000, bit * 8)
        bytes.writeUInt32LE(0x80010000, bit * 8 + 4)
      }
      return bytes
    }
    const hashes = new Set(Array.from({ length: 16 }, (_, number) => txidHash(crafted(number))))
    expect(hashes.size).toBeGreaterThan(8)
  })

  it('counts from 0 after it was cleared or has become empty, and begins small again', () => {
    const table = new TxidTable(4)
    const add = (count: number): number[] =>
      Array.from({ length: count }, (_, number) => table.add(txid(number)))
    expect(add(40)).toEqual(Array.from({ length: 40 }, (_, number) => number))
    table.clear()
    expect([table.size, table.find(txid(3))]).toEqual([0, ABSENT])
    expect(add(3)).toEqual([0, 1, 2])
    for (const entry of [1, 0, 2]) table.remove(entry)
    expect([table.size, table.find(txid(1))]).toEqual([0, ABSENT])
    expect(add(2)).toEqual([0, 1])
  })

  it('has bytes of its own, and removes nothing twice', () => {
    const table = new TxidTable(1)
    const bytes = txid(1)
    const entry = table.add(bytes)
    const other = table.add(txid(2))
    bytes.fill(9)
    expect([table.find(txid(1)), table.find(bytes)]).toEqual([entry, ABSENT])
    table.remove(entry)
    table.remove(entry)
    table.remove(ABSENT)
    expect([table.size, table.find(txid(1)), table.find(txid(2))]).toEqual([1, ABSENT, other])
  })
})
