import { BLOCK_HEADER_BYTES, type Block, type BlockHeader, readBlockHeader } from './block.ts'
import { blockFileMagic, tooShort } from './block-file.ts'
import { decodeHexPieces, looksLikeHex } from './hex-text.ts'
import { ParseError } from './parse-error.ts'
import { PieceReader } from './piece-reader.ts'
import type { Transaction } from './transaction.ts'
import { TRANSACTION_BYTES_MIN } from './transaction-encoding.ts'
import { readTransaction } from './transaction-parser.ts'

/** Where a file holds a block, and which block it is. */
export interface BlockLocation {
  /** `hex text` has no offsets: its block is read from the start of the file. */
  readonly form: 'binary' | 'hex text'
  /** Where the header begins, in bytes from the start of the file. */
  readonly offset: number
  /** Length of the block; of a hex text's, decoded. */
  readonly sizeBytes: number
  /** Its hashes are copies, not views. */
  readonly header: BlockHeader
  /** 32 bytes, internal order. */
  readonly hash: Uint8Array
  /** As the block says; nothing of it has been read. */
  readonly transactionCount: number
}

/** Bytes of a blk*.dat that belong to no block. */
export interface Garbage {
  readonly offset: number
  readonly sizeBytes: number
}

export interface LocateOptions {
  /**
   * Told of bytes between blocks that are no block, as a node leaves behind that was killed while it wrote; the
   * search goes on at the next magic. Without it they are refused. Zeros are nothing to tell.
   */
  readonly onGarbage?: ((garbage: Garbage) => void) | undefined
}

/**
 * Finds the blocks of a file that comes in pieces, in the order of the file, with what of it their headers tell:
 * a raw block, hex text of one, or a blk*.dat (see `readBlockFile`). It looks at headers only and holds no block,
 * so that a file of any size takes the same memory.
 *
 * @throws ParseError, with the offset in the file, when a blk*.dat is cut short, hex text holds something else, or
 *   there is too little for any block
 */
export async function* locateBlocks(
  pieces: AsyncIterable<Uint8Array>,
  options: LocateOptions = {},
): AsyncGenerator<BlockLocation, void, undefined> {
  const reader = new PieceReader(pieces)
  try {
    await reader.fill(BLOCK_HEADER_BYTES)
    const magic = blockFileMagic(reader.window)
    if (magic !== undefined) yield* locateRecords(reader, Buffer.from(magic), options)
    else if (looksLikeHex(reader.window.subarray(0, BLOCK_HEADER_BYTES))) {
      yield await locateOnly(new PieceReader(decodeHexPieces(rest(reader))), 'hex text')
    } else yield await locateOnly(reader, 'binary')
  } finally {
    await reader.close()
  }
}

/**
 * Reads one raw block that comes in pieces. Its header is read at once; its transactions as they are asked for, so
 * that a block takes the memory of its largest transaction.
 *
 * @param pieces the block from its first byte on, in the form that its location says; bytes behind it are not read
 * @throws ParseError, with the offset in the block, also while its transactions are iterated
 */
export async function streamBlock(
  pieces: AsyncIterable<Uint8Array>,
  { form, sizeBytes }: Pick<BlockLocation, 'form' | 'sizeBytes'>,
): Promise<BlockStream> {
  const reader = new PieceReader(form === 'binary' ? pieces : decodeHexPieces(pieces))
  const left = (): number => sizeBytes - reader.offset
  const { header, hash } = await reader.read(readBlockHeader, left())
  const transactionCount = await readCount(reader, left())
  async function* transactions(): AsyncGenerator<Transaction, void, undefined> {
    try {
      for (let index = 0; index < transactionCount; index++) yield await reader.read(readTransaction, left())
      if (left() > 0)
        throw new ParseError('block', reader.offset, `ends here, but ${left()} more bytes follow`)
    } finally {
      await reader.close()
    }
  }
  return { header, hash, transactionCount, transactions: transactions(), close: () => reader.close() }
}

/** Refuses a count that the rest of the block cannot hold, without waiting for the rest. */
async function readCount(reader: PieceReader, bytesMax: number): Promise<number> {
  const start = reader.offset
  const count = await reader.read(fields => fields.compactSize('transaction count'), bytesMax)
  const countMax = Math.floor((bytesMax - (reader.offset - start)) / TRANSACTION_BYTES_MIN)
  if (count > countMax) {
    throw new ParseError('transaction count', start, `is ${count}, but the block holds at most ${countMax}`)
  }
  return count
}

/** A block whose transactions are parsed as they are asked for. */
export interface BlockStream extends Pick<Block, 'header' | 'hash'> {
  readonly transactionCount: number
  /** Once, in the order of the block. What they hold are views of the pieces. */
  readonly transactions: AsyncIterable<Transaction>
  /** Lets the source of the pieces go, where the transactions are not iterated. */
  close(): Promise<void>
}

async function* locateRecords(
  reader: PieceReader,
  magic: Buffer,
  options: LocateOptions,
): AsyncGenerator<BlockLocation, void, undefined> {
  while (await findMagic(reader, magic, options)) {
    const sizeBytes = await reader.read(fields => {
      fields.bytes(magic.length, 'block magic')
      return fields.uint32('block length')
    })
    const offset = reader.offset
    const head = await readHead(reader, sizeBytes)
    yield { form: 'binary', offset, sizeBytes, ...head }
    const wantedBytes = offset + sizeBytes - reader.offset
    const foundBytes = await reader.skip(wantedBytes)
    if (foundBytes < wantedBytes) throw truncated(offset, sizeBytes, reader.offset - offset)
  }
}

/** Moves to the next magic; false where none follows. */
async function findMagic(reader: PieceReader, magic: Buffer, { onGarbage }: LocateOptions): Promise<boolean> {
  const start = reader.offset
  let isZero = true
  for (;;) {
    const hasMore = await reader.fill(magic.length)
    const window = Buffer.from(reader.window.buffer, reader.window.byteOffset, reader.window.byteLength)
    const found = hasMore ? window.indexOf(magic) : -1
    // What ends the window may be the beginning of the magic.
    const kept = hasMore ? magic.length - 1 : 0
    const passed = found >= 0 ? found : Math.max(0, window.length - kept)
    isZero &&= window.subarray(0, passed).every(byte => byte === 0)
    await reader.skip(passed)
    if (found < 0 && hasMore) continue
    if (!isZero) {
      const sizeBytes = reader.offset - start
      if (onGarbage === undefined) {
        throw new ParseError('block magic', start, `is not ${magic.toString('hex')}`)
      }
      onGarbage({ offset: start, sizeBytes })
    }
    return found >= 0
  }
}

/** The only block of a file. */
async function locateOnly(reader: PieceReader, form: BlockLocation['form']): Promise<BlockLocation> {
  if (!(await reader.fill(BLOCK_HEADER_BYTES + 1))) throw tooShort(reader.window.length)
  const head = await readHead(reader, Number.POSITIVE_INFINITY)
  await reader.skip(Number.POSITIVE_INFINITY)
  return { form, offset: 0, sizeBytes: reader.offset, ...head }
}

async function readHead(
  reader: PieceReader,
  sizeBytes: number,
): Promise<Pick<BlockLocation, 'header' | 'hash' | 'transactionCount'>> {
  const start = reader.offset
  const { header, hash } = await reader.read(readBlockHeader, sizeBytes)
  const previousBlockHash = header.previousBlockHash.slice()
  const copied = { ...header, previousBlockHash, merkleRoot: header.merkleRoot.slice() }
  const left = start + sizeBytes - reader.offset
  const transactionCount = await readCount(reader, left)
  return { header: copied, hash, transactionCount }
}

function truncated(offset: number, sizeBytes: number, foundBytes: number): ParseError {
  return new ParseError('block', offset, `needs ${sizeBytes} bytes, but only ${foundBytes} are left`)
}

/** What a reader has not parsed yet, as pieces. */
async function* rest(reader: PieceReader): AsyncGenerator<Uint8Array, void, undefined> {
  while (await reader.fill(1)) {
    const { window } = reader
    await reader.skip(window.length)
    yield window
  }
}
