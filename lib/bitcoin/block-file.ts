import { BLOCK_HEADER_BYTES } from './block.ts'
import { ByteReader } from './byte-reader.ts'
import { HexDecoder, looksLikeHex } from './hex-text.ts'
import { ParseError } from './parse-error.ts'

/** The four bytes before each block of a node's blk*.dat files, by network. */
export const BLOCK_FILE_MAGIC = {
  mainnet: [0xf9, 0xbe, 0xb4, 0xd9],
  testnet: [0x0b, 0x11, 0x09, 0x07],
  regtest: [0xfa, 0xbf, 0xb5, 0xda],
} as const

/** The magic that bytes begin with. */
export function blockFileMagic(bytes: Uint8Array): readonly number[] | undefined {
  return Object.values(BLOCK_FILE_MAGIC).find(candidate => new ByteReader(bytes).skip(candidate))
}

/**
 * Yields the raw blocks of a file's bytes, as views where they are binary. It takes
 *
 * - a raw block,
 * - the hex text of one, in either case, with white space anywhere between bytes,
 * - a blk*.dat: per block the network's magic, its length as uint32 little-endian, and the block; zero bytes
 *   may follow the last one, because nodes allocate these files ahead.
 *
 * For files that do not fit in memory, or that a node left damaged, there is `locateBlocks`.
 *
 * @throws ParseError when a blk*.dat is cut short or damaged, hex text holds something else, or there is too
 *   little for any block
 */
export function* readBlockFile(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const magic = blockFileMagic(bytes)
  if (magic !== undefined) yield* readRecords(bytes, magic)
  else if (looksLikeHex(bytes.subarray(0, BLOCK_HEADER_BYTES))) yield decodeHex(bytes)
  else if (bytes.length > BLOCK_HEADER_BYTES) yield bytes
  else throw tooShort(bytes.length)
}

/** A file that holds less than any block. */
export function tooShort(bytes: number): ParseError {
  return new ParseError('block file', 0, `has ${bytes} bytes, fewer than any block`)
}

function* readRecords(bytes: Uint8Array, magic: readonly number[]): Generator<Uint8Array, void, undefined> {
  const reader = new ByteReader(bytes)
  while (reader.remaining > 0) {
    const start = reader.offset
    if (!reader.skip(magic)) {
      if (isZero(bytes, start)) return
      throw new ParseError('block magic', start, `is not ${Buffer.from(magic).toString('hex')}`)
    }
    const length = reader.uint32('block length')
    yield reader.bytes(length, 'block')
  }
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let offset = from; offset < bytes.length; offset++) if (bytes[offset] !== 0) return false
  return true
}

function decodeHex(bytes: Uint8Array): Uint8Array {
  const decoder = new HexDecoder()
  const decoded = decoder.decode(bytes)
  decoder.finish()
  return decoded
}
