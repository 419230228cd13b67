import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  createTransaction,
  encodeExtendedTransaction,
  encodeTransaction,
  extendTransaction,
  ParseError,
  parseTransaction,
  type TransactionParts,
  txidToHex,
} from '../../lib/bitcoin/index.ts'
import { partsArbitrary } from './transaction-arbitraries.ts'

const GENESIS_COINBASE = Buffer.from(
  '01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000',
  'hex',
)

const SAMPLE: TransactionParts = {
  version: 2,
  locktime: 500_000,
  inputs: [
    {
      previousTxid: new Uint8Array(32).fill(0xab),
      previousVout: 7,
      unlockingScript: Uint8Array.of(1, 2, 3),
      sequence: 0xffff_fffe,
      previousSatoshis: 5_000n,
      previousLockingScript: Uint8Array.of(0x51),
    },
    {
      previousTxid: new Uint8Array(32).fill(0xcd),
      previousVout: 0,
      unlockingScript: new Uint8Array(300),
      sequence: 0,
      previousSatoshis: 1n,
      previousLockingScript: new Uint8Array(0),
    },
  ],
  outputs: [
    { satoshis: 4_000n, lockingScript: Uint8Array.of(0x76, 0xa9) },
    { satoshis: 0n, lockingScript: Uint8Array.of(0x6a) },
  ],
}

const FORMATS = [
  { format: 'standard', bytes: encodeTransaction(SAMPLE) },
  { format: 'extended', bytes: encodeExtendedTransaction(SAMPLE) },
]

function withoutExtension(parts: TransactionParts): TransactionParts {
  const inputs = parts.inputs.map(input => ({
    ...input,
    previousSatoshis: undefined,
    previousLockingScript: undefined,
  }))
  return { ...parts, inputs }
}

function plain({ version, locktime, inputs, outputs }: TransactionParts): TransactionParts {
  return { version, locktime, inputs, outputs }
}

describe('parseTransaction', () => {
  it('reads the genesis coinbase', () => {
    const tx = parseTransaction(GENESIS_COINBASE)
    expect(txidToHex(tx.txid)).toBe('4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b')
    expect(tx).toMatchObject({
      version: 1,
      locktime: 0,
      isCoinbase: true,
      isExtended: false,
      sizeBytes: 204,
      extendedSizeBytes: 204 + 6 + 9,
    })
    expect(tx.outputs.map(output => output.satoshis)).toEqual([5_000_000_000n])
  })

  it('gives back the parts of any standard encoding', () => {
    fc.assert(
      fc.property(partsArbitrary({ isExtended: false }), parts => {
        const bytes = encodeTransaction(parts)
        const tx = parseTransaction(bytes)
        expect(plain(tx)).toEqual(parts)
        expect(tx.sizeBytes).toBe(bytes.byteLength)
        expect(encodeTransaction(tx)).toEqual(bytes)
      }),
    )
  })

  it('gives back the parts of any extended encoding, with the txid of the standard one', () => {
    fc.assert(
      fc.property(partsArbitrary({ isExtended: true }), parts => {
        const bytes = encodeExtendedTransaction(parts)
        const tx = parseTransaction(bytes)
        expect(plain(tx)).toEqual(parts)
        expect(tx.isExtended).toBe(true)
        expect(tx.extendedSizeBytes).toBe(bytes.byteLength)
        expect(tx.sizeBytes).toBe(encodeTransaction(parts).byteLength)
        expect(tx.txid).toEqual(parseTransaction(encodeTransaction(parts)).txid)
        expect(encodeExtendedTransaction(tx)).toEqual(bytes)
      }),
    )
  })

  it.each(FORMATS)('refuses the $format sample cut short at every byte', ({ bytes }) => {
    for (let length = 0; length < bytes.byteLength; length++) {
      let refusal: unknown
      try {
        parseTransaction(bytes.subarray(0, length))
      } catch (error) {
        refusal = error
      }
      expect(refusal).toBeInstanceOf(ParseError)
      expect((refusal as ParseError).code).toBe('INVALID_ARGUMENT')
      expect((refusal as ParseError).offset).toBeLessThanOrEqual(length)
    }
  })

  it.each(FORMATS)('refuses a byte behind the $format sample, naming its offset', ({ bytes }) => {
    expect(() => parseTransaction(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(
      `transaction at offset ${bytes.byteLength} ends here, but 1 more bytes follow`,
    )
  })

  it.each(FORMATS)(
    'answers any change of any byte of the $format sample with a transaction or a ParseError',
    ({ bytes }) => {
      fc.assert(
        fc.property(fc.nat({ max: bytes.byteLength - 1 }), fc.nat({ max: 255 }), (offset, value) => {
          const changed = Uint8Array.from(bytes)
          changed[offset] = value
          try {
            expect(parseTransaction(changed).txid).toHaveLength(32)
          } catch (error) {
            expect(error).toBeInstanceOf(ParseError)
          }
        }),
        { numRuns: 500 },
      )
    },
  )

  it.each([
    {
      what: 'of 9 bytes',
      count: 'ffffffffffffffffff',
      message: /^input count at offset 4 is 18446744073709551615/,
    },
    {
      what: 'just above 2^53',
      count: 'ff0000000000002000',
      message: /^input count at offset 4 is 9007199254740992/,
    },
    {
      what: 'of 5 bytes',
      count: 'feffffffff',
      message: /^input count at offset 4 is 4294967295, but the 40 bytes/,
    },
    { what: 'one input too large', count: '01', message: /^input count at offset 4 is 1, but the 40 bytes/ },
    {
      what: 'in 3 bytes that 1 would hold',
      count: 'fdfc00',
      message: /offset 4 is 252 in more bytes than it needs/,
    },
    { what: 'in 5 bytes that 3 would hold', count: 'feffff0000', message: /offset 4 is 65535 in more bytes/ },
    {
      what: 'in 9 bytes that 5 would hold',
      count: 'ffffffffff00000000',
      message: /offset 4 is 4294967295 in more/,
    },
  ])('refuses a count $what before it allocates', ({ count, message }) => {
    const bytes = Buffer.concat([Buffer.from(`01000000${count}`, 'hex'), Buffer.alloc(40)])
    expect(() => parseTransaction(bytes)).toThrow(message)
  })

  it('refuses a script length that passes the end', () => {
    const bytes = encodeTransaction({ ...SAMPLE, inputs: SAMPLE.inputs.slice(0, 1) })
    bytes[4 + 1 + 36] = 0xfc
    expect(() => parseTransaction(bytes)).toThrow(/^unlocking script at offset 41 says 252 bytes, but only/)
  })

  it('takes a transaction without inputs that is no extended one', () => {
    const parts = { ...SAMPLE, inputs: [] }
    expect(plain(parseTransaction(encodeTransaction(parts)))).toEqual(parts)
    expect(parseTransaction(encodeTransaction(parts)).isExtended).toBe(false)
  })

  it('keeps plain byte arrays for views when it is given a Buffer', () => {
    const { inputs } = parseTransaction(Buffer.from(FORMATS[0]?.bytes ?? []))
    expect(Buffer.isBuffer(inputs[0]?.unlockingScript)).toBe(false)
  })

  it('refuses what is no byte array', () => {
    expect(() => parseTransaction('0100' as unknown as Uint8Array)).toThrow(
      'bytes must be a byte array, got "0100"',
    )
  })
})

describe('isCoinbase', () => {
  const [input] = SAMPLE.inputs
  if (input === undefined) throw new Error('the sample has inputs')
  const nullInput = { ...input, previousTxid: new Uint8Array(32), previousVout: 0xffff_ffff }

  it.each([
    { what: 'the null outpoint', inputs: [nullInput], isCoinbase: true },
    {
      what: 'another index of the zero txid',
      inputs: [{ ...nullInput, previousVout: 0 }],
      isCoinbase: false,
    },
    {
      what: 'the last index of another txid',
      inputs: [{ ...input, previousVout: 0xffff_ffff }],
      isCoinbase: false,
    },
    { what: 'the null outpoint and one more', inputs: [nullInput, input], isCoinbase: false },
    { what: 'nothing', inputs: [], isCoinbase: false },
  ])('is $isCoinbase for a transaction that spends $what', ({ inputs, isCoinbase }) => {
    expect(createTransaction({ ...SAMPLE, inputs }).isCoinbase).toBe(isCoinbase)
  })
})

describe('extendTransaction', () => {
  const standard = parseTransaction(encodeTransaction(withoutExtension(SAMPLE)))
  const spent = SAMPLE.inputs.map(({ previousSatoshis = 0n, previousLockingScript = new Uint8Array(0) }) => ({
    satoshis: previousSatoshis,
    lockingScript: previousLockingScript,
  }))

  it('makes the inputs carry what they spend, under the same txid', () => {
    const extended = extendTransaction(standard, spent)
    expect(standard.isExtended).toBe(false)
    expect(extended.isExtended).toBe(true)
    expect(extended.txid).toEqual(standard.txid)
    expect(encodeTransaction(extended)).toEqual(encodeTransaction(standard))
    expect(encodeExtendedTransaction(extended)).toEqual(encodeExtendedTransaction(SAMPLE))
    expect(encodeExtendedTransaction(extended)).toHaveLength(extended.extendedSizeBytes)
  })

  it('refuses another number of outputs, and one out of range', () => {
    expect(() => extendTransaction(standard, spent.slice(1))).toThrow(
      'previousOutputs must be 2 outputs, one for each input, got an array of 1',
    )
    expect(() =>
      extendTransaction(standard, [{ satoshis: -1n, lockingScript: new Uint8Array(0) }, ...spent.slice(1)]),
    ).toThrow('previousOutputs[0].satoshis must be a bigint of 0 … 2^64 − 1, got -1')
  })
})

describe('encoding', () => {
  it.each([
    { length: 0xfc, prefix: 'fc' },
    { length: 0xfd, prefix: 'fdfd00' },
    { length: 0xffff, prefix: 'fdffff' },
    { length: 0x1_0000, prefix: 'fe00000100' },
  ])('writes a script length of $length as $prefix and reads it back', ({ length, prefix }) => {
    const parts = {
      ...SAMPLE,
      inputs: [],
      outputs: [{ satoshis: 0n, lockingScript: new Uint8Array(length) }],
    }
    const bytes = encodeTransaction(parts)
    expect(Buffer.from(bytes.subarray(14, 14 + prefix.length / 2)).toString('hex')).toBe(prefix)
    expect(parseTransaction(bytes).outputs[0]?.lockingScript).toHaveLength(length)
  })

  it('hands out fresh bytes: changing them changes no transaction', () => {
    const tx = parseTransaction(encodeTransaction(SAMPLE))
    const before = txidToHex(tx.txid)
    encodeTransaction(tx).fill(0)
    expect(txidToHex(parseTransaction(encodeTransaction(tx)).txid)).toBe(before)
  })

  it('encodes changed parts of a parsed transaction, not the bytes it came from', () => {
    const tx = parseTransaction(encodeTransaction(SAMPLE))
    expect(parseTransaction(encodeTransaction({ ...tx, locktime: 1 })).locktime).toBe(1)
  })

  it('refuses to extend what does not carry what it spends, with the input', () => {
    const [first, second] = SAMPLE.inputs
    if (first === undefined || second === undefined) throw new Error('the sample has two inputs')
    const lacking = { ...SAMPLE, inputs: [first, { ...second, previousSatoshis: undefined }] }
    expect(() => encodeExtendedTransaction(lacking)).toThrow(
      expect.objectContaining({
        code: 'PROCESSING',
        message: 'input 1 does not carry the value and the locking script of the output it spends',
      }),
    )
  })

  it('extends a coinbase, which spends nothing', () => {
    const coinbase = parseTransaction(GENESIS_COINBASE)
    const extended = parseTransaction(encodeExtendedTransaction(coinbase))
    expect(extended.txid).toEqual(coinbase.txid)
    expect(extended.inputs[0]).toMatchObject({
      previousSatoshis: 0n,
      previousLockingScript: new Uint8Array(0),
    })
  })

  it.each([
    { field: 'version', parts: { version: -1 } },
    { field: 'locktime', parts: { locktime: 2 ** 32 } },
    {
      field: 'inputs[0].previousTxid',
      parts: { inputs: [{ ...SAMPLE.inputs[0], previousTxid: new Uint8Array(31) }] },
    },
    { field: 'inputs[0].sequence', parts: { inputs: [{ ...SAMPLE.inputs[0], sequence: 0.5 }] } },
    { field: 'outputs[0].satoshis', parts: { outputs: [{ satoshis: 5, lockingScript: new Uint8Array(0) }] } },
    { field: 'outputs[0].lockingScript', parts: { outputs: [{ satoshis: 5n }] } },
    { field: 'outputs[0].satoshis', parts: { outputs: [null] } },
  ])('refuses $field out of range', ({ field, parts }) => {
    const wrong = { ...SAMPLE, ...parts } as unknown as TransactionParts
    expect(() => encodeTransaction(wrong)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    )
  })
})
