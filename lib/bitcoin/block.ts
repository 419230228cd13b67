import { ByteReader } from './byte-reader.ts'
import { doubleSha256 } from './sha256.ts'
import type { Transaction } from './transaction.ts'
import { TRANSACTION_BYTES_MIN } from './transaction-encoding.ts'
import { readTransaction } from './transaction-parser.ts'

/** Length of a block header, in bytes. */
export const BLOCK_HEADER_BYTES = 80

/**
 * A block header, 80 bytes, integers little-endian:
 *
 *     version u32 | previous block hash(32) | Merkle root(32) | timestamp u32 | bits u32 | nonce u32
 */
export interface BlockHeader {
  readonly version: number
  /** 32 bytes, internal order. */
  readonly previousBlockHash: Uint8Array
  /** 32 bytes, internal order. */
  readonly merkleRoot: Uint8Array
  /** Unix time in seconds. */
  readonly timestamp: number
  /** The target in its compact form. */
  readonly bits: number
  readonly nonce: number
}

export interface Block {
  readonly header: BlockHeader
  /** 32 bytes, internal order. */
  readonly hash: Uint8Array
  readonly transactions: readonly Transaction[]
}

/**
 * Parses a raw block: its header, the count of transactions, and the transactions in standard format. What it
 * holds are views into `bytes`. It checks the shape only; whether header and transactions belong together
 * tells `hasValidMerkleRoot`.
 *
 * @throws ParseError when it is cut short, followed by more bytes, or holds a count that it cannot hold
 */
export function parseBlock(bytes: Uint8Array): Block {
  const reader = new ByteReader(bytes)
  const { header, hash } = readBlockHeader(reader)
  const transactions: Transaction[] = []
  for (let left = reader.count(TRANSACTION_BYTES_MIN, 'transaction count'); left > 0; left--) {
    transactions.push(readTransaction(reader))
  }
  reader.expectEnd('block')
  return { header, hash, transactions }
}

/** Reads a header; what it returns are views. */
export function readBlockHeader(reader: ByteReader): Pick<Block, 'header' | 'hash'> {
  const start = reader.offset
  const header: BlockHeader = {
    version: reader.uint32('block version'),
    previousBlockHash: reader.bytes(32, 'previous block hash'),
    merkleRoot: reader.bytes(32, 'Merkle root'),
    timestamp: reader.uint32('timestamp'),
    bits: reader.uint32('bits'),
    nonce: reader.uint32('nonce'),
  }
  return { header, hash: doubleSha256(reader.since(start)) }
}
