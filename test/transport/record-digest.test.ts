import { expect, it } from '@jest/globals'
import { digestOf } from '../../lib/transport/index.ts'

it.each([
  // The genesis coinbase in the set txmeta (semantics 1.2): its master, and its first page.
  ['', '6f37d11966e49e3fe54ef3d7e4339be99516f061'],
  ['01000000', 'f3e5d017a1d926e1c16e74e0eb66709aad962ba5'],
])('a record is known by its digest: suffix %j', (suffix, digest) => {
  const txid = '3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a'
  const key = { set: 'txmeta', userKey: Buffer.from(`${txid}${suffix}`, 'hex') }
  expect(Buffer.from(digestOf(key)).toString('hex')).toBe(digest)
})
