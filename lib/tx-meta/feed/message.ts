import { InvalidArgumentError } from '../../errors/index.ts'
import { xxHash64 } from './xxhash64.ts'

export type FeedVersion = 1 | 2

/** What one entry of a message says (semantics 9.1.2). */
export type FeedEntry =
  | { readonly action: 'add'; readonly txid: Uint8Array; readonly content: Uint8Array }
  | { readonly action: 'delete'; readonly txid: Uint8Array }

/** Takes the entries of a message, in order. What it is given are views: copy what outlives the call. */
export interface FeedVisitor {
  add(txid: Uint8Array, content: Uint8Array): void
  delete(txid: Uint8Array): void
}

/** How far a message could be read: a defect ends it, and what came before has been visited. */
export interface FeedReading {
  readonly version: FeedVersion
  readonly entries: number
  readonly defect: string | undefined
}

const ACTIONS = { add: 0, delete: 1 } as const
export const TXID_BYTES = 32
const COUNT_BYTES = 4
const LENGTH_AT = TXID_BYTES + 1
/** The smallest entry: a removal. */
const ENTRY_BYTES_MIN = LENGTH_AT + 4
/** What a message of version 2 begins with; the number of its entries follows. */
const V2_MAGIC = 0x000002ff
/** A message of version 1 with so many entries begins like one of version 2; who writes them avoids it. */
export const AMBIGUOUS_ENTRIES = V2_MAGIC
const V2_HEADER_BYTES = 8
/** xxHash64 of the txid, before each entry of version 2; this library hashes for itself. */
const V2_HASH_BYTES = 8

/** Visits the entries of a message. Never throws by itself, whatever the bytes are; what the visitor throws passes. */
export function readFeedMessage(given: Uint8Array, visitor: FeedVisitor): FeedReading {
  const { buffer, byteOffset } = given
  const bytes = Buffer.from(buffer, byteOffset, given.byteLength)
  if (bytes.length < COUNT_BYTES)
    return { version: 1, entries: 0, defect: `${bytes.length} bytes are too few` }
  const version = isV2(bytes) ? 2 : 1
  const prefixBytes = version === 2 ? V2_HASH_BYTES : 0
  let at = version === 2 ? V2_HEADER_BYTES : COUNT_BYTES
  const count = bytes.readUInt32LE(at - COUNT_BYTES)
  // Before anything is allowed to grow with it.
  if (count > Math.floor((bytes.length - at) / (ENTRY_BYTES_MIN + prefixBytes)))
    return { version, entries: 0, defect: `${count} entries do not fit into ${bytes.length} bytes` }
  for (let entry = 0; entry < count; entry++) {
    const defect = (what: string): FeedReading => ({
      version,
      entries: entry,
      defect: `entry ${entry}: ${what}`,
    })
    const from = at + prefixBytes
    if (from + ENTRY_BYTES_MIN > bytes.length) return defect('it is cut short')
    const action = bytes[from + TXID_BYTES]
    const length = bytes.readUInt32LE(from + LENGTH_AT)
    at = from + ENTRY_BYTES_MIN + length
    if (at > bytes.length) return defect(`${length} bytes of content are cut short`)
    const txid = new Uint8Array(buffer, byteOffset + from, TXID_BYTES)
    if (action === ACTIONS.add)
      visitor.add(txid, new Uint8Array(buffer, byteOffset + from + ENTRY_BYTES_MIN, length))
    else if (action === ACTIONS.delete && length === 0) visitor.delete(txid)
    else return defect(`action ${action} with ${length} bytes is none`)
  }
  if (at !== bytes.length)
    return { version, entries: count, defect: `${bytes.length - at} bytes are left over` }
  return { version, entries: count, defect: undefined }
}

/** By all four bytes and the room for its entries: as a count of version 1 they are 767, which is possible. */
function isV2(bytes: Buffer): boolean {
  if (bytes.length < V2_HEADER_BYTES || bytes.readUInt32LE(0) !== V2_MAGIC) return false
  const count = bytes.readUInt32LE(COUNT_BYTES)
  return bytes.length - V2_HEADER_BYTES >= count * (V2_HASH_BYTES + ENTRY_BYTES_MIN)
}

/**
 * Encodes entries as a message: of version 1, which every reader understands, or of version 2, which spares newer
 * readers the hashing. Throws `INVALID_ARGUMENT` for a txid that is not 32 bytes.
 */
export function encodeFeedMessage(entries: readonly FeedEntry[], version: FeedVersion = 1): Uint8Array {
  const [headerBytes, prefixBytes] = version === 2 ? [V2_HEADER_BYTES, V2_HASH_BYTES] : [COUNT_BYTES, 0]
  const entryBytes = entries.reduce((sum, entry) => sum + prefixBytes + feedEntryBytes(entry), 0)
  const bytes = Buffer.allocUnsafe(headerBytes + entryBytes)
  if (version === 2) bytes.writeUInt32LE(V2_MAGIC, 0)
  let at = bytes.writeUInt32LE(entries.length, headerBytes - COUNT_BYTES)
  for (const entry of entries) {
    if (entry.txid.length !== TXID_BYTES)
      throw new InvalidArgumentError('txid', `${TXID_BYTES} bytes`, entry.txid)
    if (version === 2) at = bytes.writeBigUInt64LE(xxHash64(entry.txid), at)
    const content = contentOf(entry)
    bytes.set(entry.txid, at)
    bytes[at + TXID_BYTES] = ACTIONS[entry.action]
    bytes.writeUInt32LE(content.length, at + LENGTH_AT)
    bytes.set(content, at + ENTRY_BYTES_MIN)
    at += ENTRY_BYTES_MIN + content.length
  }
  return bytes
}

/** What an entry takes in a message of version 1; eight bytes more in version 2. */
export function feedEntryBytes(entry: FeedEntry): number {
  return ENTRY_BYTES_MIN + contentOf(entry).length
}

const NOTHING = new Uint8Array(0)

function contentOf(entry: FeedEntry): Uint8Array {
  return entry.action === 'add' ? entry.content : NOTHING
}
