import type { AggregateOutcome, Particle, UdfChange, UdfOutcome, UdfRecord } from './udf-record.ts'

/**
 * How a call crosses into Lua and back. Little-endian; `text` is a u8 length and bytes.
 *
 *     request  u16 + bytes    name of the function
 *              u32 + bytes    arguments, a msgpack list
 *              u8             1 if the record exists
 *              u32            bytes of the names of the bins, then each name: text
 *              directory      for each bin: u8 type, u32 position of the value in the request (1 is its first byte),
 *                             u32 bytes of the value
 *              u32            generation
 *              i64            seconds to live, 0 = for ever
 *              i64            last update, ms since 2010
 *              i64            stored size in bytes
 *              text           digest
 *              text           set name, empty for none
 *              u8, u32+bytes  stored key: particle type (0 = none) and value
 *              bytes          the values of the bins
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

const FIXED_BYTES = 2 + 4 + 1 + 4 + 4 + 8 + 8 + 8 + 1 + 1 + 1 + 4
const DIRECTORY_ENTRY_BYTES = 1 + 4 + 4
const BIN_FIXED_BYTES = 1 + DIRECTORY_ENTRY_BYTES

/** The most bytes a character of UTF-16 needs in UTF-8. */
const UTF8_BYTES_PER_UNIT = 3

const NULL_PARTICLE: Particle = { type: 0, value: new Uint8Array(0) }
const NO_BINS: ReadonlyMap<string, Particle> = new Map()

/** How many bytes a request needs at most. */
export function requestBytesMax(functionName: string, record: UdfRecord, args: Uint8Array): number {
  let bytes =
    FIXED_BYTES + args.byteLength + record.digest.byteLength + (record.userKey?.value.byteLength ?? 0)
  bytes += UTF8_BYTES_PER_UNIT * (functionName.length + (record.setName?.length ?? 0))
  for (const [name, { value }] of record.bins)
    bytes += BIN_FIXED_BYTES + UTF8_BYTES_PER_UNIT * name.length + value.byteLength
  return bytes
}

/** Writes a request at an address of the heap and returns its length. */
export function writeRequest(
  heap: Buffer,
  start: number,
  functionName: string,
  record: UdfRecord,
  args: Uint8Array,
): number {
  const nameBytes = heap.write(functionName, start + 2)
  let at = heap.writeUInt16LE(nameBytes, start) + nameBytes
  at = writeBytes(heap, at, args)
  at = heap.writeUInt8(record.exists ? 1 : 0, at)
  const directory = writeBinNames(heap, at, record.bins)
  at = heap.writeUInt32LE(record.generation, directory + record.bins.size * DIRECTORY_ENTRY_BYTES)
  at = heap.writeBigInt64LE(BigInt(record.ttlSeconds), at)
  at = heap.writeBigInt64LE(BigInt(record.lastUpdateMs), at)
  at = heap.writeBigInt64LE(BigInt(record.sizeBytes), at)
  at = heap.writeUInt8(record.digest.byteLength, at)
  heap.set(record.digest, at)
  at = writeText(heap, at + record.digest.byteLength, record.setName ?? '')
  at = writeParticle(heap, at, record.userKey ?? NULL_PARTICLE)
  return writeBins(heap, at, directory, start, record.bins) - start
}

function writeBinNames(heap: Buffer, start: number, bins: ReadonlyMap<string, Particle>): number {
  let at = start + 4
  for (const name of bins.keys()) at = writeText(heap, at, name)
  heap.writeUInt32LE(at - start - 4, start)
  return at
}

/** Writes the values at `at` and their places into the directory. */
function writeBins(
  heap: Buffer,
  at: number,
  directory: number,
  requestStart: number,
  bins: ReadonlyMap<string, Particle>,
): number {
  let valueAt = at
  let entry = directory
  for (const { type, value } of bins.values()) {
    heap[entry] = type
    heap.writeUInt32LE(valueAt - requestStart + 1, entry + 1)
    heap.writeUInt32LE(value.byteLength, entry + 5)
    entry += DIRECTORY_ENTRY_BYTES
    heap.set(value, valueAt)
    valueAt += value.byteLength
  }
  return valueAt
}

function writeText(heap: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return writeUtf8Text(heap, at, text)
    heap[at + 1 + i] = unit
  }
  heap[at] = text.length
  return at + 1 + text.length
}

function writeUtf8Text(heap: Buffer, at: number, text: string): number {
  const bytes = heap.write(text, at + 1)
  heap.writeUInt8(bytes, at)
  return at + 1 + bytes
}

function writeBytes(heap: Buffer, at: number, bytes: Uint8Array): number {
  heap.set(bytes, heap.writeUInt32LE(bytes.byteLength, at))
  return at + 4 + bytes.byteLength
}

function writeParticle(heap: Buffer, at: number, { type, value }: Particle): number {
  return writeBytes(heap, heap.writeUInt8(type, at), value)
}

/** Reads a reply to a call with `record`. The outcome shares the memory of `reply` and of the record's bins. */
export function readReply(reply: Buffer, record: UdfRecord): UdfOutcome {
  switch (reply[0]) {
    case REPLY.failure:
      return { kind: 'failure', message: reply.toString('utf8', 1) }
    case REPLY.refused:
      return { kind: 'refused', resultCode: reply.readUInt8(1) }
    default: {
      const bytes = reply.readUInt32LE(2)
      const value = { type: reply.readUInt8(1), value: reply.subarray(6, 6 + bytes) }
      return { kind: 'success', value, change: readChange(reply, 6 + bytes, record) }
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

function readChange(reply: Buffer, start: number, record: UdfRecord): UdfChange {
  const kind = reply.readUInt8(start)
  if (kind === CHANGE.none) return { kind: 'none' }
  if (kind === CHANGE.remove) return { kind: 'remove' }

  const created = reply.readUInt8(start + 1) !== 0
  const dropKey = reply.readUInt8(start + 2) !== 0
  const ttl = reply.readBigInt64LE(start + 3)
  const kept = reply.readUInt8(start + 11) === 0 ? NO_BINS : record.bins
  const changes: string[] = []
  let at = start + 16
  for (let left = reply.readUInt32LE(start + 12); left > 0; left--) {
    changes.push(readText(reply, at))
    at += 1 + reply.readUInt8(at)
  }
  const bins = withChangedNames(kept, changes)
  while (at < reply.length) {
    const name = readText(reply, at)
    at += 1 + reply.readUInt8(at)
    const bytes = reply.readUInt32LE(at + 1)
    bins.set(name, { type: reply.readUInt8(at), value: reply.subarray(at + 5, at + 5 + bytes) })
    at += 5 + bytes
  }
  return { kind: 'write', bins, created, ttlSeconds: ttl === NO_TTL ? undefined : Number(ttl), dropKey }
}

function readText(reply: Buffer, at: number): string {
  return reply.toString('utf8', at + 1, at + 1 + reply.readUInt8(at))
}

/**
 * The bins after some came and others went: each of `changes` is a name that was added if there was no such bin, or was
 * removed, in which case the last bin took its place. The value of a bin that came is still to be set.
 */
function withChangedNames(
  bins: ReadonlyMap<string, Particle>,
  changes: readonly string[],
): Map<string, Particle> {
  if (changes.length === 0) return new Map(bins)
  const names = [...bins.keys()]
  for (const name of changes) {
    const i = names.indexOf(name)
    if (i < 0) {
      names.push(name)
      continue
    }
    const last = names.pop()
    if (last !== undefined && i < names.length) names[i] = last
  }
  return new Map(names.map(name => [name, bins.get(name) ?? NULL_PARTICLE]))
}
