import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  outpointKey,
  outpointToString,
  parseOutpoint,
  toTxid,
  txidFromHex,
  txidKey,
  txidToHex,
  utxoHash,
} from '../../lib/bitcoin/index.ts'
import { txidArbitrary } from './transaction-arbitraries.ts'

const GENESIS_COINBASE = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b'
const uint32 = fc.nat({ max: 0xffff_ffff })

function compactSize(value: bigint): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64LE(value, 1)
  if (value < 0xfdn) return bytes.subarray(1, 2)
  const [prefix, end] = value <= 0xffffn ? [0xfd, 3] : value <= 0xffff_ffffn ? [0xfe, 5] : [0xff, 9]
  bytes[0] = prefix
  return bytes.subarray(0, end)
}

describe('txids', () => {
  it('reverses between display hex and internal order', () => {
    const txid = txidFromHex(GENESIS_COINBASE)
    expect([txid[0], txid[31]]).toEqual([0x3b, 0x4a])
    expect(txidToHex(txid)).toBe(GENESIS_COINBASE)
    expect(txidFromHex(GENESIS_COINBASE.toUpperCase())).toEqual(txid)
  })

  it('leaves its argument as it was', () => {
    const txid = txidFromHex(GENESIS_COINBASE)
    txidToHex(txid)
    expect(txidToHex(txid)).toBe(GENESIS_COINBASE)
  })

  it('gives back any txid', () => {
    fc.assert(fc.property(txidArbitrary, txid => expect(txidFromHex(txidToHex(txid))).toEqual(txid)))
  })

  it.each([
    { what: 'too short', value: GENESIS_COINBASE.slice(1) },
    { what: 'too long', value: `${GENESIS_COINBASE}0` },
    { what: 'with a stranger', value: GENESIS_COINBASE.replace('4', 'g') },
    { what: 'followed by a line break', value: `${GENESIS_COINBASE}\n` },
    { what: 'of another type', value: 5 },
  ])('refuses hex $what', ({ value }) => {
    expect(() => txidFromHex(value as string, 'parent')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'parent' }),
    )
  })

  it('takes both public forms, and nothing else', () => {
    const txid = txidFromHex(GENESIS_COINBASE)
    expect(toTxid(txid)).toEqual(txid)
    // A copy: the caller may use its buffer again.
    expect(toTxid(txid)).not.toBe(txid)
    const buffer = Buffer.from(txid)
    const taken = toTxid(buffer)
    buffer.fill(0)
    expect(taken).toEqual(txid)
    expect(toTxid(GENESIS_COINBASE)).toEqual(txid)
    expect(() => toTxid(txid.subarray(1))).toThrow('txid must be 32 bytes (internal order), got 31 bytes')
    expect(() => txidToHex(undefined as unknown as Uint8Array)).toThrow('got undefined')
  })

  it('has equal keys for equal txids only', () => {
    fc.assert(
      fc.property(txidArbitrary, txidArbitrary, (one, other) => {
        expect(txidKey(one)).toBe(txidKey(Uint8Array.from(one)))
        expect(txidKey(one) === txidKey(other)).toBe(Buffer.compare(one, other) === 0)
      }),
    )
  })
})

describe('outpoints', () => {
  it('gives back any outpoint', () => {
    fc.assert(
      fc.property(txidArbitrary, uint32, (txid, vout) => {
        expect(parseOutpoint(outpointToString({ txid, vout }))).toEqual({ txid, vout })
      }),
    )
  })

  it.each([
    '',
    GENESIS_COINBASE,
    `${GENESIS_COINBASE}:`,
    `${GENESIS_COINBASE}:-1`,
    `${GENESIS_COINBASE}:4294967296`,
  ])('refuses %p', text =>
    expect(() => parseOutpoint(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' })),
  )

  it('has different keys for different outputs, also where digits could run together', () => {
    const digits = new Uint8Array(32).fill(0x31)
    expect(new Set([1, 11, 111].map(vout => outpointKey(digits, vout))).size).toBe(3)
  })
})

describe('utxoHash', () => {
  it.each([
    {
      what: 'an output of P2PKH',
      txid: '2fb09ea4d1d282f55b4f4b5b1eec92fa314e1ba5a5a009e897f63d155b4dba82',
      script: '76a914d687c76d6ee133c9cc42bd96e3947d8a84bdf60288ac',
      satoshis: 1_149_996_160n,
      expected: '00dd830dc89e6d4a157a4007f483fdeaa7d8ba4352c70ec349b8c4c9b43bf58e',
    },
    {
      what: 'the genesis coinbase',
      txid: GENESIS_COINBASE,
      script:
        '4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac',
      satoshis: 5_000_000_000n,
      expected: 'b896d6c9de3d37e0cbe6c8209104d0d478c92c17ee567b9792a3eb4aff1dce55',
    },
  ])('matches the reference for $what', ({ txid, script, satoshis, expected }) => {
    const hash = utxoHash(txidFromHex(txid), 0, Buffer.from(script, 'hex'), satoshis)
    expect(Buffer.from(hash).toString('hex')).toBe(expected)
  })

  it('is the SHA-256 of its parts, whatever was hashed before it', () => {
    const parts = fc.record({
      txid: txidArbitrary,
      vout: uint32,
      script: fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 1990, maxLength: 2100 })),
      satoshis: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    })
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 5 }), outputs => {
        const hashes = outputs.map(({ txid, vout, script, satoshis }) =>
          utxoHash(txid, vout, script, satoshis),
        )
        const expected = outputs.map(({ txid, vout, script, satoshis }) =>
          createHash('sha256')
            .update(Buffer.concat([txid, compactSize(BigInt(vout)), script, compactSize(satoshis)]))
            .digest('hex'),
        )
        expect(hashes.map(hash => Buffer.from(hash).toString('hex'))).toEqual(expected)
      }),
    )
  })

  it('depends on each of its arguments', () => {
    const txid = new Uint8Array(32)
    const script = Uint8Array.of(0x51)
    const hashes = [
      utxoHash(txid, 0, script, 1n),
      utxoHash(new Uint8Array(32).fill(1), 0, script, 1n),
      utxoHash(txid, 253, script, 1n),
      utxoHash(txid, 0, new Uint8Array(0), 1n),
      utxoHash(txid, 0, script, 0xffff_ffff_ffff_ffffn),
    ]
    expect(new Set(hashes.map(hash => Buffer.from(hash).toString('hex'))).size).toBe(hashes.length)
  })

  it('refuses a missing script as a matter of processing, and numbers out of range as arguments', () => {
    const txid = new Uint8Array(32)
    const script = new Uint8Array(0)
    expect(() => utxoHash(txid, 0, undefined as unknown as Uint8Array, 1n)).toThrow(
      expect.objectContaining({ code: 'PROCESSING' }),
    )
    expect(() => utxoHash(txid, -1, script, 1n)).toThrow(expect.objectContaining({ field: 'vout' }))
    expect(() => utxoHash(txid, 0, script, 2n ** 64n)).toThrow(expect.objectContaining({ field: 'satoshis' }))
    expect(() => utxoHash(txid.subarray(1), 0, script, 1n)).toThrow(
      expect.objectContaining({ field: 'previousTxid' }),
    )
  })
})
