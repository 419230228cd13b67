import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  type BlockLocation,
  encodeTransaction,
  type Garbage,
  locateBlocks,
  merkleRoot,
  ParseError,
  PieceReader,
  parseBlock,
  streamBlock,
  txidToHex,
} from '../../lib/bitcoin/index.ts'
import {
  BLOCK_FIXTURES,
  blockFixture,
  LARGE_TRANSACTION_BLOCK_HASH,
  ORDINARY_BLOCK_HASH,
} from './block-fixtures.ts'

const MAGIC = Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9)
const raw = blockFixture(ORDINARY_BLOCK_HASH)

function record(block: Uint8Array, length = block.byteLength): Uint8Array {
  const lengthBytes = Buffer.alloc(4)
  lengthBytes.writeUInt32LE(length)
  return Buffer.concat([MAGIC, lengthBytes, block])
}

/** Bytes in pieces of the given lengths, over and over; counts what was asked for. */
class Source {
  pulledBytes = 0
  isClosed = false
  readonly #bytes: Uint8Array
  readonly #lengths: readonly number[]

  constructor(bytes: Uint8Array, lengths: readonly number[]) {
    this.#bytes = bytes
    this.#lengths = lengths
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let turn = 0; this.pulledBytes < this.#bytes.byteLength; turn++) {
        const from = this.pulledBytes
        this.pulledBytes += this.#lengths[turn % this.#lengths.length] ?? 1
        yield this.#bytes.slice(from, this.pulledBytes)
      }
    } finally {
      this.isClosed = true
    }
  }
}

async function located(file: Uint8Array, lengths = [1000], garbage?: Garbage[]): Promise<BlockLocation[]> {
  const locations: BlockLocation[] = []
  const onGarbage = garbage === undefined ? undefined : (one: Garbage) => void garbage.push(one)
  for await (const location of locateBlocks(new Source(file, lengths), { onGarbage }))
    locations.push(location)
  return locations
}

async function txids(
  file: Uint8Array,
  location: BlockLocation,
  lengths: readonly number[],
): Promise<string[]> {
  const { transactions, transactionCount } = await streamBlock(
    new Source(file.subarray(location.offset), lengths),
    location,
  )
  const found: string[] = []
  for await (const tx of transactions) found.push(txidToHex(tx.txid))
  expect(found).toHaveLength(transactionCount)
  return found
}

const hex = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(
    Buffer.from(bytes)
      .toString('hex')
      .replace(/(.{61})/g, '$1\n'),
  )

describe('a file of blocks that comes in pieces', () => {
  const whole = parseBlock(raw)
  const expected = whole.transactions.map(tx => txidToHex(tx.txid))
  const large = blockFixture(LARGE_TRANSACTION_BLOCK_HASH)

  it('says the same however it is cut', async () => {
    const files = [
      { bytes: raw, hashes: [ORDINARY_BLOCK_HASH] },
      { bytes: hex(raw), hashes: [ORDINARY_BLOCK_HASH] },
      {
        bytes: Buffer.concat([record(raw), record(large)]),
        hashes: [ORDINARY_BLOCK_HASH, LARGE_TRANSACTION_BLOCK_HASH],
      },
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.integer({ min: 30, max: 40_000 }), { minLength: 1, maxLength: 8 }),
        async ({ bytes, hashes }, lengths) => {
          const locations = await located(bytes, lengths)
          expect(locations.map(({ hash }) => txidToHex(hash))).toEqual(hashes)
          const [first] = locations
          if (first === undefined) throw new Error('no block')
          expect(first.sizeBytes).toBe(raw.byteLength)
          expect(first.transactionCount).toBe(expected.length)
          expect(await txids(bytes, first, lengths)).toEqual(expected)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('is read no further than the transaction at hand', async () => {
    const source = new Source(raw, [512])
    const { transactions } = await streamBlock(source, { form: 'binary', sizeBytes: raw.byteLength })
    let [parsedBytes, largestBytes] = [80 + 3, 0]
    for await (const tx of transactions) {
      parsedBytes += tx.sizeBytes
      largestBytes = Math.max(largestBytes, tx.sizeBytes)
      // The window grows to less than twice a transaction, and by whole pieces.
      expect(source.pulledBytes).toBeLessThanOrEqual(parsedBytes + largestBytes + 2 * 512)
    }
    expect(source.isClosed).toBe(true)
  })

  it('is let go by a reader that leaves', async () => {
    const source = new Source(raw, [512])
    const { transactions } = await streamBlock(source, { form: 'binary', sizeBytes: raw.byteLength })
    for await (const _ of transactions) break
    expect(source.isClosed).toBe(true)
  })

  it('reads a transaction of many outputs', async () => {
    const output = { satoshis: 1n, lockingScript: new Uint8Array(25) }
    const [coinbase] = whole.transactions
    if (coinbase === undefined) throw new Error('no coinbase')
    const tx = encodeTransaction({ ...coinbase, outputs: Array.from({ length: 200_000 }, () => output) })
    const block = Buffer.concat([raw.subarray(0, 80), Uint8Array.of(1), tx])
    const { transactions } = await streamBlock(new Source(block, [1 << 20]), {
      form: 'binary',
      sizeBytes: block.byteLength,
    })
    for await (const { outputs } of transactions) expect(outputs.length).toBe(200_000)
  })
})

describe('a damaged file of blocks', () => {
  const two = Buffer.concat([record(raw), Buffer.from('half a block'), record(raw)])
  const behind = raw.byteLength + 8

  it.each([
    { what: 'zeros', between: Buffer.alloc(70_000), told: [] },
    { what: 'half a block', between: Buffer.from('half a block'), told: [{ offset: behind, sizeBytes: 12 }] },
    {
      what: 'zeros and the beginning of a magic',
      between: Buffer.from([0, 0, 0xf9, 0xbe]),
      told: [{ offset: behind, sizeBytes: 4 }],
    },
    {
      what: 'a magic that is cut short by another',
      between: MAGIC.subarray(0, 3),
      told: [{ offset: behind, sizeBytes: 3 }],
    },
  ])('has $what between blocks: both are found', async ({ between, told }) => {
    for (const lengths of [[7], [1000], [10_000_000]]) {
      const garbage: Garbage[] = []
      const locations = await located(Buffer.concat([record(raw), between, record(raw)]), lengths, garbage)
      expect(locations.map(({ offset }) => offset)).toEqual([8, behind + between.byteLength + 8])
      expect(garbage).toEqual(told)
    }
  })

  it('with garbage at its end tells of it', async () => {
    const garbage: Garbage[] = []
    expect(await located(Buffer.concat([record(raw), Uint8Array.of(1, 2)]), [100], garbage)).toHaveLength(1)
    expect(garbage).toEqual([{ offset: behind, sizeBytes: 2 }])
  })

  const hugeCount = Buffer.concat([
    raw.subarray(0, 80),
    Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0x7f),
    raw.subarray(83),
  ])
  it.each([
    { what: 'garbage nobody wants to know of', file: two, field: 'block magic', offset: behind },
    {
      what: 'its last block cut short',
      file: Buffer.concat([record(raw), record(raw).subarray(0, -1)]),
      field: 'block',
      offset: behind + 8,
    },
    {
      what: 'its last header cut short',
      file: Buffer.concat([record(raw), record(raw).subarray(0, 50)]),
      field: 'Merkle root',
      offset: behind + 8 + 36,
    },
    {
      what: 'its last length cut short',
      file: Buffer.concat([record(raw), record(raw).subarray(0, 6)]),
      field: 'block length',
      offset: behind + 4,
    },
    {
      what: 'a length shorter than a header',
      file: Buffer.concat([record(raw, 60)]),
      field: 'Merkle root',
      offset: 8 + 36,
    },
    {
      what: 'a block of more transactions than bytes',
      file: record(hugeCount),
      field: 'transaction count',
      offset: 88,
    },
    { what: 'nothing', file: new Uint8Array(0), field: 'block file', offset: 0 },
    { what: 'a header alone', file: raw.subarray(0, 80), field: 'block file', offset: 0 },
    {
      what: 'hex text with a stranger',
      file: Buffer.from(`${Buffer.from(raw).toString('hex')}x`),
      field: 'hex text',
      offset: 2 * raw.byteLength,
    },
    {
      what: 'half a byte of hex text',
      file: Buffer.from(`${Buffer.from(raw).toString('hex')}0`),
      field: 'hex text',
      offset: 2 * raw.byteLength + 1,
    },
  ])('with $what is refused at its place', async ({ file, field, offset }) => {
    const error = await located(file).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ParseError)
    expect(error).toMatchObject({ field, offset })
  })

  it.each([
    { what: 'cut short', block: raw.subarray(0, -1), sizeBytes: raw.byteLength, field: 'locktime' },
    {
      what: 'longer than its transactions',
      block: Buffer.concat([raw, Uint8Array.of(0)]),
      sizeBytes: raw.byteLength + 1,
      field: 'block',
    },
    { what: 'shorter than its transactions', block: raw, sizeBytes: raw.byteLength - 1, field: 'locktime' },
  ])('a block $what is refused at its place', async ({ block, sizeBytes, field }) => {
    const read = async (): Promise<void> => {
      const { transactions } = await streamBlock(new Source(block, [4096]), { form: 'binary', sizeBytes })
      for await (const _ of transactions);
    }
    const error = await read().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ParseError)
    expect(error).toMatchObject({ field })
    expect((error as ParseError).offset).toBeGreaterThan(raw.byteLength - 5)
  })
})

describe('PieceReader', () => {
  it('waits for no more than what a length in the bytes asks for, if that can be', async () => {
    const source = new Source(Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 1, 2, 3), [1])
    const reader = new PieceReader(source)
    await expect(reader.read(fields => fields.variableBytes('script'), 100)).rejects.toMatchObject({
      field: 'script',
      offset: 0,
    })
    expect(source.pulledBytes).toBe(5)
  })
})

describe('merkleRoot', () => {
  it('is that of the fixtures', () => {
    for (const { bytes } of BLOCK_FIXTURES) {
      const { header, transactions } = parseBlock(bytes)
      expect(merkleRoot(transactions.map(tx => tx.txid))).toEqual(header.merkleRoot)
    }
  })
})
