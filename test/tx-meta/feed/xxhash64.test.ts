import { expect, it } from '@jest/globals'
import { xxHash64 } from '../../../lib/tx-meta/feed/xxhash64.ts'

// As the reference implementation (xxhash 0.8) gives them.
it.each([
  ['00'.repeat(32), 'f6e9be5d70632cf5'],
  ['ff'.repeat(32), 'ff10223616c08787'],
  ['000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'cbf59c5116ff32b4'],
  ['6162636465666768696a6b6c6d6e6f707172737475767778797a303132333435', 'bf2cd639b4143b80'],
  ['f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16', '059b9c19820199e7'],
])('xxHash64 of %s', (input, hash) => {
  const bytes = Buffer.concat([Buffer.alloc(3), Buffer.from(input, 'hex'), Buffer.alloc(2)])
  expect(xxHash64(bytes.subarray(3, 35)).toString(16).padStart(16, '0')).toBe(hash)
})
