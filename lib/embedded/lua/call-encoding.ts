import { OPERATION_HEADER_BYTES, PARTICLE_TYPES } from '../../protocol/index.ts'
import type {
  AggregateOutcome,
  NamedParticle,
  Particle,
  UdfChange,
  UdfOutcome,
  UdfRecord,
} from './udf-record.ts'

/**
 * How a call crosses into Lua and back. Little-endian; `text` is a u8 length and bytes; a position counts from 1, the
 * first byte of the request.
 *
 *     request  u32            position of the arguments
 *              u32            position of the record, right behind them
 *              u16 + bytes    name of the function
 *              bytes          the bins, as the record keeps them
 *              bytes          arguments, a msgpack list
 *     record   u8             1 if it exists
 *              u32            bytes of what follows of the bins: for each the name, text, and u8 type
 *              directory      for each bin: i64 value of an integer or boolean; of other types u32 position and u32 bytes
 *                             of the value
 *              u32            generation
 *              i64            seconds to live, 0 = for ever
 *              i64            last update, ms since 2010
 *              i64            stored size in bytes
 *              text           digest
 *              text           set name, empty for none
 *              u8, u32+bytes  key: particle type (0 = none) and value
 *
 *     reply    u8 0           success: u8 type, u32 + bytes of the result, then the change:
 *                             u8 0 none | 2 remove | 1 write: u8 created, u8 drops the key, i64 ttl (smallest: not
 *                             set), u8 1 to start from the bins of the record, 0 from none, u32 number of bins that
 *                             came or went and for each, in order: text name, then for each bin that is not as it
 *                             came, to the end: text name, u8 type, u32 + bytes value
 *              u8 1           failure: the text, to the end
 *              u8 2           refused: u8 result code
 */
const REPLY = { success: 0, failure: 1, refused: 2 } as const
const CHANGE = { none: 0, write: 1, remove: 2 } as const
const NO_TTL = -(2n ** 63n)

const FIXED_BYTES = 4 + 4 + 2 + 1 + 4 + 4 + 8 + 8 + 8 + 1 + 1 + 1 + 4
const DIRECTORY_ENTRY_BYTES = 8

/** Places in the layout of a bin: u32 bytes behind it (big-endian), operation, type, version, u8 bytes of the name, name. */
const BIN = { type: 5, nameBytes: 7, name: OPERATION_HEADER_BYTES, sizeBytes: 4 } as const

/** The most bytes a character of UTF-16 needs in UTF-8. */
const UTF8_BYTES_PER_UNIT = 3

const NULL_PARTICLE: Particle = { type: 0, value: new Uint8Array(0) }

/** How many bytes a request needs at most. */
export function requestBytesMax(functionName: string, record: UdfRecord, args: Uint8Array): number {
  const { bins, binCount, digest, userKey, setName } = record
  // The names of the bins are there twice, and so are their types.
  const binBytes = 2 * bins.byteLength + DIRECTORY_ENTRY_BYTES * binCount
  const keyBytes = digest.byteLength + (userKey?.value.byteLength ?? 0) + (setName?.length ?? 0)
  return FIXED_BYTES + binBytes + args.byteLength + keyBytes + UTF8_BYTES_PER_UNIT * functionName.length
}

/** Writes a request at an address of the heap and returns its length. */
export function writeRequest(
  heap: Buffer,
  start: number,
  functionName: string,
  record: UdfRecord,
  args: Uint8Array,
): number {
  const nameBytes = heap.write(functionName, start + 10)
  heap.writeUInt16LE(nameBytes, start + 8)
  const binsAt = start + 10 + nameBytes
  heap.set(record.bins, binsAt)
  const argumentsAt = binsAt + record.bins.byteLength
  heap.set(args, argumentsAt)
  const recordAt = argumentsAt + args.byteLength
  heap.writeUInt32LE(argumentsAt - start + 1, start)
  heap.writeUInt32LE(recordAt - start + 1, start + 4)

  heap[recordAt] = record.exists ? 1 : 0
  let at = writeDirectory(heap, recordAt + 1, record.binCount, start, binsAt)
  at = heap.writeUInt32LE(record.generation, at)
  at = writeUint64(heap, record.ttlSeconds, at)
  at = writeUint64(heap, record.lastUpdateMs, at)
  at = writeUint64(heap, record.sizeBytes, at)
  heap[at] = record.digest.byteLength
  heap.set(record.digest, at + 1)
  at = writeText(heap, at + 1 + record.digest.byteLength, record.setName ?? '')
  const { type, value } = record.userKey ?? NULL_PARTICLE
  heap[at] = type
  heap.set(value, heap.writeUInt32LE(value.byteLength, at + 1))
  return at + 5 + value.byteLength - start
}

/** Writes the names and types and the directory of the bins that lie at `binsAt` of the same heap. */
function writeDirectory(
  heap: Buffer,
  start: number,
  binCount: number,
  requestStart: number,
  binsAt: number,
): number {
  let nameAt = start + 4
  let bin = binsAt
  for (let left = binCount; left > 0; left--) {
    const end = bin + BIN.name + byteAt(heap, bin + BIN.nameBytes)
    for (let from = bin + BIN.nameBytes; from < end; from++) heap[nameAt++] = byteAt(heap, from)
    heap[nameAt++] = byteAt(heap, bin + BIN.type)
    bin += BIN.sizeBytes + heap.readUInt32BE(bin)
  }
  heap.writeUInt32LE(nameAt - start - 4, start)

  let entry = nameAt
  bin = binsAt
  for (let left = binCount; left > 0; left--) {
    const valueAt = bin + BIN.name + byteAt(heap, bin + BIN.nameBytes)
    const end = bin + BIN.sizeBytes + heap.readUInt32BE(bin)
    const type = byteAt(heap, bin + BIN.type)
    if (type === PARTICLE_TYPES.INTEGER || type === PARTICLE_TYPES.BOOLEAN) {
      // Big-endian there, little-endian here, and a boolean is one byte of the eight.
      for (let i = 0; i < 8; i++) heap[entry + i] = i < end - valueAt ? byteAt(heap, end - 1 - i) : 0
    } else {
      heap.writeUInt32LE(valueAt - requestStart + 1, entry)
      heap.writeUInt32LE(end - valueAt, entry + 4)
    }
    entry += DIRECTORY_ENTRY_BYTES
    bin = end
  }
  return entry
}

function byteAt(heap: Buffer, at: number): number {
  return heap[at] ?? 0
}

function writeUint64(heap: Buffer, value: number, at: number): number {
  heap.writeUInt32LE(value % 2 ** 32, at)
  return heap.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

/** Text of one character per byte. */
function writeText(heap: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) heap[at + 1 + i] = text.charCodeAt(i)
  heap[at] = text.length
  return at + 1 + text.length
}

/** Reads a reply to a call. The outcome shares the memory of `reply`. */
export function readReply(reply: Buffer): UdfOutcome {
  switch (reply[0]) {
    case REPLY.failure:
      return { kind: 'failure', message: reply.toString('utf8', 1) }
    case REPLY.refused:
      return { kind: 'refused', resultCode: reply.readUInt8(1) }
    default: {
      const bytes = reply.readUInt32LE(2)
      const value = { type: reply.readUInt8(1), value: reply.subarray(6, 6 + bytes) }
      return { kind: 'success', value, change: readChange(reply, 6 + bytes) }
    }
  }
}

/** Reads a reply to an aggregation: `u8 0`, then type and value of each result, or a failure as above. */
export function readAggregateReply(reply: Buffer): AggregateOutcome {
  if (reply[0] === REPLY.failure) return { kind: 'failure', message: reply.toString('utf8', 1) }
  const values: Particle[] = []
  for (let at = 1; at < reply.length; ) {
    const end = at + 5 + reply.readUInt32LE(at + 1)
    values.push({ type: reply.readUInt8(at), value: reply.subarray(at + 5, end) })
    at = end
  }
  return { kind: 'success', values }
}

function readChange(reply: Buffer, start: number): UdfChange {
  const kind = reply.readUInt8(start)
  if (kind === CHANGE.none) return { kind: 'none' }
  if (kind === CHANGE.remove) return { kind: 'remove' }

  const ttl = reply.readBigInt64LE(start + 3)
  const comingsAndGoings: string[] = []
  let at = start + 16
  for (let left = reply.readUInt32LE(start + 12); left > 0; left--) {
    comingsAndGoings.push(readText(reply, at))
    at += 1 + reply.readUInt8(at)
  }
  return {
    kind: 'write',
    keepsBins: reply.readUInt8(start + 11) !== 0,
    comingsAndGoings,
    changed: readBins(reply, at),
    created: reply.readUInt8(start + 1) !== 0,
    ttlSeconds: ttl === NO_TTL ? undefined : Number(ttl),
    dropKey: reply.readUInt8(start + 2) !== 0,
  }
}

function readBins(reply: Buffer, start: number): NamedParticle[] {
  const bins: NamedParticle[] = []
  for (let at = start; at < reply.length; ) {
    const type = at + 1 + reply.readUInt8(at)
    const value = type + 5
    const end = value + reply.readUInt32LE(type + 1)
    bins.push({ name: readText(reply, at), type: reply.readUInt8(type), value: reply.subarray(value, end) })
    at = end
  }
  return bins
}

function readText(reply: Buffer, at: number): string {
  return reply.toString('latin1', at + 1, at + 1 + reply.readUInt8(at))
}
