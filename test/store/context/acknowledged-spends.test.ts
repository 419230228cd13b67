import { expect, it } from '@jest/globals'
import { AcknowledgedSpends } from '../../../lib/store/context/acknowledged-spends.ts'

function txid(number: number): Uint8Array {
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
  for (const number of [199_999, 140_000]) {
    acknowledged.forget(txid(number))
    expect(acknowledged.has(txid(number))).toBe(false)
  }
})
