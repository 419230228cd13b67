import { expect, it } from '@jest/globals'
import { AcknowledgedSpends } from '../../../lib/store/context/acknowledged-spends.ts'

function txid(number: number): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(number)
  return bytes
}

it('acknowledged spends are remembered, the latest 65,536 at least, until they are undone', () => {
  const acknowledged = new AcknowledgedSpends()
  for (let number = 0; number < 200_000; number++) acknowledged.add(txid(number))
  const known = (from: number, to: number): number => {
    let count = 0
    for (let number = from; number < to; number++) if (acknowledged.has(txid(number))) count += 1
    return count
  }
  expect(known(200_000 - 65_536, 200_000)).toBe(65_536)
  expect(known(0, 200_000)).toBeLessThanOrEqual(2 * 65_536)
  expect(known(0, 10_000)).toBe(0)
  for (const number of [199_999, 140_000]) {
    acknowledged.forget(txid(number))
    expect(acknowledged.has(txid(number))).toBe(false)
  }
})

it('what is forgotten hides nothing behind it, and can be acknowledged again', () => {
  const acknowledged = new AcknowledgedSpends()
  const all = Array.from({ length: 60_000 }, (_, number) => txid(number))
  for (const each of all) acknowledged.add(each)
  for (const each of all) if (each.readUInt32LE() % 2 === 0) acknowledged.forget(each)
  expect(all.filter(each => acknowledged.has(each)).length).toBe(30_000)
  acknowledged.add(txid(0))
  acknowledged.add(txid(1))
  expect([0, 1, 2, 3].map(number => acknowledged.has(txid(number)))).toEqual([true, true, false, true])
  acknowledged.forget(txid(0))
  acknowledged.forget(txid(1))
  expect([0, 1].map(number => acknowledged.has(txid(number)))).toEqual([false, false])
})
