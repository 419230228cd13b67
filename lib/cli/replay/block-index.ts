import { createReadStream } from 'node:fs'
import { messageOf, StoreError } from '../../errors/index.ts'
import {
  type BlockStream,
  coinbaseHeight,
  type Garbage,
  locateBlocks,
  ParseError,
  streamBlock,
  txidKey,
} from '../../index.ts'
import { UsageError } from '../failure.ts'

/** A block and where it lies: a few hundred bytes for each, whatever its size. */
export interface IndexedBlock {
  readonly path: string
  readonly form: 'binary' | 'hex text'
  /** In bytes from the start of the file. */
  readonly offset: number
  readonly sizeBytes: number
  readonly transactionCount: number
  /** Unix time in seconds. */
  readonly timestamp: number
  /** Keys of its own hash and of its predecessor's. */
  readonly key: string
  readonly previousKey: string
}

const PIECE_BYTES = 1024 * 1024

/** Finds the blocks of files, each once, by reading their headers. */
export async function indexBlocks(
  paths: readonly string[],
  onGarbage: (path: string, garbage: Garbage) => void,
): Promise<IndexedBlock[]> {
  const blocks = new Map<string, IndexedBlock>()
  for (const path of paths) {
    try {
      const pieces = createReadStream(path, { highWaterMark: PIECE_BYTES })
      for await (const location of locateBlocks(pieces, { onGarbage: found => onGarbage(path, found) })) {
        const { form, offset, sizeBytes, transactionCount, header, hash } = location
        const [key, previousKey] = [txidKey(hash), txidKey(header.previousBlockHash)]
        const { timestamp } = header
        if (!blocks.has(key))
          blocks.set(key, { path, form, offset, sizeBytes, transactionCount, timestamp, key, previousKey })
      }
    } catch (error) {
      if (error instanceof ParseError) throw new UsageError(`${path}: ${error.message}.`)
      throw new UsageError(`cannot read ${path}: ${messageOf(error)}.`)
    }
  }
  return [...blocks.values()]
}

/** Opens a block for one reading of its transactions. */
export function openBlock({ path, form, offset, sizeBytes }: IndexedBlock): Promise<BlockStream> {
  const range = form === 'binary' ? { start: offset, end: offset + sizeBytes - 1 } : {}
  return streamBlock(createReadStream(path, { ...range, highWaterMark: PIECE_BYTES }), { form, sizeBytes })
}

/** The height that a block's coinbase tells, if it does. */
export async function heightOf(block: IndexedBlock): Promise<number | undefined> {
  try {
    const { header, hash, transactions } = await openBlock(block)
    for await (const coinbase of transactions)
      return coinbaseHeight({ header, hash, transactions: [coinbase] })
    return undefined
  } catch (error) {
    // Whatever begins as a header might passes for a block until its first transaction is read.
    if (error instanceof ParseError) throw new UsageError(`${block.path} is no block: ${error.message}.`)
    throw error
  }
}

/** Names a block for people. */
export function describeBlock({ path, offset }: IndexedBlock): string {
  return `the block at offset ${offset} of ${path}`
}

export function damagedBlock(block: IndexedBlock, why: string, cause?: unknown): StoreError {
  return new StoreError('PROCESSING', `${describeBlock(block)} ${why}`, { cause })
}
