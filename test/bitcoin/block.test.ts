import { describe, expect, it } from '@jest/globals'
import {
  coinbaseHeight,
  encodeTransaction,
  hasValidMerkleRoot,
  merkleRoot,
  ParseError,
  parseBlock,
  parseTransaction,
  txidToHex,
} from '../../lib/bitcoin/index.ts'
import {
  BLOCK_FIXTURES,
  blockFixture,
  LARGE_TRANSACTION_BLOCK_HASH,
  ORDINARY_BLOCK_HASH,
} from './block-fixtures.ts'

describe.each(BLOCK_FIXTURES)('mainnet block $hash', ({ hash, bytes }) => {
  const block = parseBlock(bytes)

  it('has the hash that names it and the Merkle root of its header', () => {
    expect(txidToHex(block.hash)).toBe(hash)
    expect(merkleRoot(block.transactions.map(tx => tx.txid))).toEqual(block.header.merkleRoot)
    expect(hasValidMerkleRoot(block)).toBe(true)
  })

  it('encodes back to the bytes that follow its header', () => {
    const encoded = Buffer.concat(block.transactions.map(tx => encodeTransaction(tx)))
    expect(encoded.equals(bytes.subarray(bytes.byteLength - encoded.byteLength))).toBe(true)
    expect(bytes.byteLength - encoded.byteLength).toBe(block.transactions.length < 0xfd ? 81 : 83)
  })

  it('gives the same txid and size when a transaction is assembled from its parts', () => {
    for (const { txid, version, locktime, inputs, outputs, sizeBytes } of block.transactions) {
      const encoded = encodeTransaction({ version, locktime, inputs, outputs })
      expect(encoded.byteLength).toBe(sizeBytes)
      expect(Buffer.compare(parseTransaction(encoded).txid, txid)).toBe(0)
    }
  })

  it('has a coinbase at its head only', () => {
    expect(block.transactions.map(tx => tx.isCoinbase).indexOf(true)).toBe(0)
    expect(block.transactions.filter(tx => tx.isCoinbase)).toHaveLength(1)
  })
})

describe('parseBlock', () => {
  it.each([
    { hash: ORDINARY_BLOCK_HASH, transactions: 369, height: 357238 },
    { hash: LARGE_TRANSACTION_BLOCK_HASH, transactions: 2, height: 364292 },
  ])('reads $transactions transactions at height $height', ({ hash, transactions, height }) => {
    const block = parseBlock(blockFixture(hash))
    expect(block.transactions).toHaveLength(transactions)
    expect(coinbaseHeight(block)).toBe(height)
  })

  it('reads the transaction of 5,569 inputs', () => {
    const block = parseBlock(blockFixture(LARGE_TRANSACTION_BLOCK_HASH))
    expect(block.transactions[1]?.inputs).toHaveLength(5569)
  })

  it('hands out views, not copies', () => {
    const bytes = blockFixture(ORDINARY_BLOCK_HASH)
    const { header, transactions } = parseBlock(bytes)
    const { outputs, inputs } = transactions[1] ?? {}
    for (const view of [header.merkleRoot, inputs?.[0]?.previousTxid, outputs?.[0]?.lockingScript]) {
      expect(view?.buffer).toBe(bytes.buffer)
    }
  })

  it('refuses a byte too many and a byte too few', () => {
    const bytes = blockFixture(LARGE_TRANSACTION_BLOCK_HASH)
    expect(() => parseBlock(Buffer.concat([bytes, Uint8Array.of(0)]))).toThrow(ParseError)
    expect(() => parseBlock(bytes.subarray(0, -1))).toThrow(ParseError)
  })

  it('refuses a transaction count that the bytes cannot hold, before it allocates', () => {
    const header = blockFixture(ORDINARY_BLOCK_HASH).subarray(0, 80)
    const count = Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff)
    expect(() => parseBlock(Buffer.concat([header, count]))).toThrow(
      'transaction count at offset 80 is 4294967295, but the 0 bytes left hold at most 0',
    )
  })
})

describe('hasValidMerkleRoot', () => {
  const block = parseBlock(blockFixture(ORDINARY_BLOCK_HASH))

  it('is false when a transaction is missing, changed, or the block is empty', () => {
    const [first, second, ...rest] = block.transactions
    if (first === undefined || second === undefined) throw new Error('the fixture has transactions')
    expect(hasValidMerkleRoot({ ...block, transactions: [first, ...rest] })).toBe(false)
    expect(hasValidMerkleRoot({ ...block, transactions: [second, first, ...rest] })).toBe(false)
    expect(hasValidMerkleRoot({ ...block, transactions: [] })).toBe(false)
  })

  it('is false for a block that repeats its end without changing its root', () => {
    const repeated = [...block.transactions, ...block.transactions.slice(-1)]
    expect(merkleRoot(repeated.map(tx => tx.txid))).toEqual(block.header.merkleRoot)
    expect(hasValidMerkleRoot({ ...block, transactions: repeated })).toBe(false)
  })
})

describe('coinbaseHeight', () => {
  const block = parseBlock(blockFixture(ORDINARY_BLOCK_HASH))
  const stated = (script: number[], version = 4): number | undefined => {
    const [coinbase, ...rest] = block.transactions
    const input = coinbase?.inputs[0]
    if (coinbase === undefined || input === undefined) throw new Error('the fixture has a coinbase')
    const { version: txVersion, locktime, outputs } = coinbase
    const encoded = encodeTransaction({
      version: txVersion,
      locktime,
      outputs,
      // Sequence 0: a read past the script would find a valid height there.
      inputs: [{ ...input, unlockingScript: Uint8Array.from(script), sequence: 0 }],
    })
    const header = { ...block.header, version }
    return coinbaseHeight({ ...block, header, transactions: [parseTransaction(encoded), ...rest] })
  }

  it.each([
    { what: 'OP_0', script: [0x00], height: 0 },
    { what: 'OP_1', script: [0x51], height: 1 },
    { what: 'OP_16', script: [0x60], height: 16 },
    { what: 'one byte', script: [1, 17], height: 17 },
    { what: 'two bytes', script: [2, 0x00, 0x01], height: 256 },
    { what: 'a sign byte that keeps it positive', script: [2, 0x80, 0x00], height: 128 },
    { what: 'a negative number', script: [1, 0x81], height: undefined },
    { what: 'a push that is cut short', script: [3, 1, 2], height: undefined },
    { what: 'a push of five bytes', script: [5, 1, 2, 3, 4, 5], height: undefined },
    { what: 'nothing', script: [], height: undefined },
  ])('reads $what as $height', ({ script, height }) => expect(stated(script)).toBe(height))

  it('is undefined for a block of version 1', () => expect(stated([3, 1, 2, 3], 1)).toBeUndefined())

  it('is undefined when the first transaction is no coinbase', () =>
    expect(coinbaseHeight({ ...block, transactions: block.transactions.slice(1) })).toBeUndefined())
})
