import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ParseError, txidFromHex } from '../../lib/bitcoin/index.ts'
import { StoreError } from '../../lib/errors/index.ts'
import {
  decodePartialOutputs,
  decodeSlot,
  decodeSpendingData,
  encodePartialOutputs,
  encodeSpendingData,
  FROZEN_SENTINEL,
  holdSameOutputs,
  lockKey,
  masterKey,
  pageKey,
  parseSpendingDataText,
  recordNumber,
  slotOffset,
} from '../../lib/record/index.ts'
import { isSpendable } from '../../lib/record/spendable-output.ts'
import { outputArbitrary, txidArbitrary } from '../bitcoin/transaction-arbitraries.ts'
import { MAINNET_GENESIS_ACTIVATION_HEIGHT } from './sample-content.ts'

const GENESIS_COINBASE = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b'
const uint32 = fc.nat({ max: 0xffff_ffff })
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('record keys', () => {
  const txid = txidFromHex(GENESIS_COINBASE)

  it.each([
    { what: 'the master', key: masterKey(txid), suffix: '' },
    { what: 'page 0', key: pageKey(txid, 0), suffix: '' },
    { what: 'page 1', key: pageKey(txid, 1), suffix: '01000000' },
    { what: 'page 258', key: pageKey(txid, 258), suffix: '02010000' },
    { what: 'the lock', key: lockKey(txid), suffix: 'feffffff' },
  ])('of $what is the txid and $suffix', ({ key, suffix }) => expect(hexOf(key)).toBe(hexOf(txid) + suffix))

  it.each([-1, 0.5, 2 ** 32, Number.NaN])('refuses page %p', page =>
    expect(() => pageKey(txid, page)).toThrow(expect.objectContaining({ field: 'page' })),
  )

  it.each([
    { vout: 0, record: 0, offset: 0 },
    { vout: 127, record: 0, offset: 127 },
    { vout: 128, record: 1, offset: 0 },
    { vout: 0xffff_ffff, record: 33_554_431, offset: 127 },
  ])('puts output $vout into record $record at $offset', ({ vout, record, offset }) =>
    expect([recordNumber(vout, 128), slotOffset(vout, 128)]).toEqual([record, offset]),
  )
})

describe('spending data', () => {
  it('gives back any spender, from bytes and from the text of a UDF', () => {
    fc.assert(
      fc.property(txidArbitrary, uint32, (txid, vin) => {
        const bytes = encodeSpendingData({ txid, vin })
        expect(decodeSpendingData(bytes)).toEqual({ txid, vin })
        const text = hexOf(txid.slice().reverse()) + hexOf(bytes.subarray(32))
        expect(parseSpendingDataText(text)).toEqual({ txid, vin })
      }),
    )
  })

  it('has the input index in storage order in the text', () => {
    expect(parseSpendingDataText(`${GENESIS_COINBASE}07000000`)).toEqual({
      txid: txidFromHex(GENESIS_COINBASE),
      vin: 7,
    })
  })

  it.each([
    `${GENESIS_COINBASE}0700000`,
    `${GENESIS_COINBASE}070000000`,
    'g'.repeat(72),
    '',
    null,
    5,
    { toString: () => '0'.repeat(72) },
  ])('calls the text %p damaged', text =>
    expect(() => parseSpendingDataText(text as string)).toThrow(
      expect.objectContaining({ code: 'STORAGE_ERROR' }),
    ),
  )

  it.each([35, 37, 0])('calls %p bytes damaged', length =>
    expect(() => decodeSpendingData(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'STORAGE_ERROR' }),
    ),
  )
})

describe('decodeSlot', () => {
  const utxoHash = new Uint8Array(32).fill(5)
  const spendingData = encodeSpendingData({ txid: new Uint8Array(32).fill(0xff), vin: 0xffff_fffe })
  const joined = (tail: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([utxoHash, tail]))

  it.each([
    { state: 'nil', value: null, slot: { state: 'nil' } },
    { state: 'unspent', value: utxoHash, slot: { state: 'unspent', utxoHash } },
    { state: 'frozen', value: joined(FROZEN_SENTINEL), slot: { state: 'frozen', utxoHash } },
    {
      state: 'spent, by all but the sentinel',
      value: joined(spendingData),
      slot: { state: 'spent', utxoHash, spendingData },
    },
  ])('reads one that is $state', ({ value, slot }) => expect(decodeSlot(value)).toEqual(slot))

  it('calls anything else damaged', () => {
    const sound = (value: unknown): boolean =>
      value === null || (value instanceof Uint8Array && [32, 68].includes(value.byteLength))
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.uint8Array({ maxLength: 100 })), value => {
        fc.pre(!sound(value))
        expect(() => decodeSlot(value)).toThrow(expect.objectContaining({ code: 'STORAGE_ERROR' }))
      }),
    )
  })
})

describe('isSpendable', () => {
  const script = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
  const before = MAINNET_GENESIS_ACTIVATION_HEIGHT - 1
  const after = MAINNET_GENESIS_ACTIVATION_HEIGHT

  it.each([
    { what: 'OP_FALSE OP_RETURN', lockingScript: script(0x00, 0x6a, 1), isBefore: false, isAfter: false },
    { what: 'OP_RETURN', lockingScript: script(0x6a, 1), isBefore: false, isAfter: true },
    { what: '10,000 bytes', lockingScript: new Uint8Array(10_000), isBefore: true, isAfter: true },
    { what: '10,001 bytes', lockingScript: new Uint8Array(10_001), isBefore: false, isAfter: true },
    { what: 'nothing', lockingScript: script(), isBefore: true, isAfter: true },
    { what: 'OP_FALSE alone', lockingScript: script(0x00), isBefore: true, isAfter: true },
    { what: 'an ordinary script', lockingScript: script(0x76, 0xa9), isBefore: true, isAfter: true },
  ])(
    'of $what: $isBefore before the genesis upgrade, $isAfter from it on',
    ({ lockingScript, isBefore, isAfter }) => {
      expect(isSpendable(lockingScript, before, MAINNET_GENESIS_ACTIVATION_HEIGHT)).toBe(isBefore)
      expect(isSpendable(lockingScript, after, MAINNET_GENESIS_ACTIVATION_HEIGHT)).toBe(isAfter)
    },
  )
})

describe('partial outputs', () => {
  const sample = {
    txid: new Uint8Array(32).fill(9),
    blockHeight: 620_538,
    isCoinbase: true,
    outputs: [null, { satoshis: 5n, lockingScript: Uint8Array.of(0x51) }],
  }

  it('gives back any outputs with their holes, up to the last one known', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(outputArbitrary), { maxLength: 8 }),
        outputArbitrary,
        (outputs, last) => {
          const partial = { ...sample, outputs: [...outputs, last] }
          expect(decodePartialOutputs(encodePartialOutputs(partial))).toEqual(partial)
        },
      ),
    )
  })

  it('has the layout of the format', () => {
    expect(hexOf(encodePartialOutputs(sample))).toBe(
      ['09'.repeat(32), 'f5ef1200', '01000000', '01000000', '0500000000000000', '01000000', '51'].join(''),
    )
  })

  it.each([
    { what: 'at another height', change: { blockHeight: 7 }, isSame: true },
    { what: 'of no coinbase', change: { isCoinbase: false }, isSame: false },
    { what: 'of another transaction', change: { txid: new Uint8Array(32).fill(8) }, isSame: false },
    {
      what: 'with another output',
      change: { outputs: [...sample.outputs, ...sample.outputs] },
      isSame: false,
    },
  ])('tells whether bodies hold the same outputs: $what, $isSame', ({ change, isSame }) => {
    const [one, other] = [sample, { ...sample, ...change }].map(encodePartialOutputs) as [
      Uint8Array,
      Uint8Array,
    ]
    expect([holdSameOutputs(one, other), holdSameOutputs(one, one)]).toEqual([isSame, true])
  })

  it('refuses a body cut short at every byte, and one that goes on', () => {
    const body = encodePartialOutputs(sample)
    for (let length = 0; length < body.byteLength; length++) {
      expect(() => decodePartialOutputs(body.subarray(0, length))).toThrow(StoreError)
    }
    expect(() => decodePartialOutputs(Buffer.concat([body, Uint8Array.of(0)]))).toThrow(StoreError)
    expect(() => decodePartialOutputs(body.subarray(0, 10))).toThrow(ParseError)
  })

  it.each([
    { what: 'a count that it cannot hold', offset: 36, message: 'cannot hold 4294967041 outputs' },
    { what: 'an index beyond any transaction', offset: 40, message: 'is beyond 16777216' },
  ])('refuses $what before it allocates', ({ offset, message }) => {
    const body = encodePartialOutputs(sample)
    body.fill(0xff, offset + 1, offset + 4)
    expect(() => decodePartialOutputs(body)).toThrow(message)
  })

  it('refuses an output that is there twice', () => {
    const one = { satoshis: 5n, lockingScript: Uint8Array.of(0x51) }
    const body = encodePartialOutputs({ ...sample, outputs: [one, one] })
    body[40 + 17] = 0
    expect(() => decodePartialOutputs(body)).toThrow('output 0 is there twice')
  })
})
