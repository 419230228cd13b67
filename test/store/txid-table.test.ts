import { describe, expect, it } from '@jest/globals'
import { ABSENT, TxidTable } from '../../lib/store/txid-table.ts'

function txid(number: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(number, 28)
  return bytes
}

describe('TxidTable', () => {
  it('keeps the number of each txid while it grows and others come and go', () => {
    const table = new TxidTable(8)
    const numbers = new Map<number, number>()
    for (let step = 0; step < 20_000; step++) {
      const key = (step * 7919) % 3_001
      const entry = numbers.get(key)
      if (entry === undefined) numbers.set(key, table.add(txid(key)))
      else if (step % 3 === 0) {
        table.remove(entry)
        numbers.delete(key)
      } else expect(table.add(txid(key))).toBe(entry)
    }
    expect(table.size).toBe(numbers.size)
    expect(new Set(numbers.values()).size).toBe(numbers.size)
    for (let key = 0; key < 3_001; key++) expect(table.find(txid(key))).toBe(numbers.get(key) ?? ABSENT)
  })

  it('counts from 0 after it was cleared or has become empty, and begins small again', () => {
    const table = new TxidTable(4)
    const add = (count: number): number[] =>
      Array.from({ length: count }, (_, number) => table.add(txid(number)))
    expect(add(20)).toEqual(Array.from({ length: 20 }, (_, number) => number))
    table.clear()
    expect([table.size, table.find(txid(3))]).toEqual([0, ABSENT])
    expect(add(3)).toEqual([0, 1, 2])
    for (const entry of [1, 0, 2]) table.remove(entry)
    expect([table.size, table.find(txid(1))]).toEqual([0, ABSENT])
    expect(add(2)).toEqual([0, 1])
  })

  it('has bytes of its own, and removes nothing twice', () => {
    const table = new TxidTable()
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
