import { BLOCK_HEADER_BYTES } from './block.ts'
import { ByteReader } from './byte-reader.ts'
import { ParseError } from './parse-error.ts'

/** The four bytes before each block of a node's blk*.dat files, by network. */
export const BLOCK_FILE_MAGIC = {
  mainnet: [0xf9, 0xbe, 0xb4, 0xd9],
  testnet: [0x0b, 0x11, 0x09, 0x07],
  regtest: [0xfa, 0xbf, 0xb5, 0xda],
} as const

/**
 * Yields the raw blocks of a file's bytes, as views where they are binary. It takes
 *
 * - a raw block,
 * - the hex text of one, in either case, with white space anywhere between bytes,
 * - a blk*.dat: per block the network's magic, its length as uint32 little-endian, and the block; zero bytes
 *   may follow the last one, because nodes allocate these files ahead.
 *
 * @throws ParseError when a blk*.dat is cut short or damaged, hex text holds something else, or there is too
 *   little for any block
 */
export function* readBlockFile(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const magic = Object.values(BLOCK_FILE_MAGIC).find(candidate => new ByteReader(bytes).skip(candidate))
  if (magic !== undefined) yield* readRecords(bytes, magic)
  else if (looksLikeHex(bytes)) yield decodeHex(bytes)
  else if (bytes.byteLength > BLOCK_HEADER_BYTES) yield bytes
  else throw new ParseError('block file', 0, `has ${bytes.byteLength} bytes, fewer than any block`)
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
  for (let offset = from; offset < bytes.byteLength; offset++) if (bytes[offset] !== 0) return false
  return true
}

/** A raw header has zero bytes in the hash of its predecessor, which proof of work puts there; text has none. */
function looksLikeHex(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, BLOCK_HEADER_BYTES))
  return /^[0-9a-fA-F\s]+$/.test(head.toString('latin1'))
}

function decodeHex(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const digits = text.replace(/\s+/g, '')
  const stranger = /[^0-9a-fA-F\s]/.exec(text)
  if (stranger !== null) {
    throw new ParseError('hex text', stranger.index, `holds ${JSON.stringify(stranger[0])}`)
  }
  if (digits.length % 2 !== 0) {
    throw new ParseError('hex text', text.length, `ends after an odd number of digits (${digits.length})`)
  }
  return new Uint8Array(Buffer.from(digits, 'hex'))
}
