import { FRAME_HEADER_BYTES } from '../../../lib/protocol/index.ts'
import type { Random } from './random.ts'

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer

const BYTES: readonly [number, ...number[]] = [0x00, 0x01, 0x7f, 0x80, 0x90, 0xc0, 0xc7, 0xdd, 0xdf, 0xff]
const COUNTS: readonly [number, ...number[]] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
const PIECE_BYTES_MAX = 32

function position(bytes: Buffer, random: Random): number {
  return random.integer(0, Math.max(bytes.length - 1, 0))
}

/** A run of bytes: where it begins, and where it ends. */
function piece(bytes: Buffer, random: Random): readonly [number, number] {
  const from = position(bytes, random)
  return [from, Math.min(from + random.integer(1, PIECE_BYTES_MAX), bytes.length)]
}

const flipBit: Mutation = (bytes, random) => {
  const at = position(bytes, random)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 7))
  return bytes
}

const setByte: Mutation = (bytes, random) => {
  bytes[position(bytes, random)] = random.pick(BYTES)
  return bytes
}

/** What is a size or a count somewhere, becomes another. */
const setCount: Mutation = (bytes, random) => {
  const width = random.pick([2, 4])
  if (bytes.length < width) return bytes
  const at = random.integer(0, bytes.length - width)
  const count = random.chance(0.5) ? random.pick(COUNTS) : bytes.readUIntBE(at, width) + random.integer(-2, 2)
  bytes.writeUIntBE((count >>> 0) % 2 ** (8 * width), at, width)
  return bytes
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, position(bytes, random))

const remove: Mutation = (bytes, random) => {
  const [from, to] = piece(bytes, random)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
}

const repeat: Mutation = (bytes, random) => {
  const [from, to] = piece(bytes, random)
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
}

const insert: Mutation = (bytes, random) => {
  const at = position(bytes, random)
  const added = random.bytes(random.integer(1, PIECE_BYTES_MAX))
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)])
}

/** A piece of another request in the middle of this one. */
const splice: Mutation = (bytes, random, other) => {
  const [from, to] = piece(other, random)
  const at = position(bytes, random)
  const behind = random.chance(0.5) ? at : Math.min(at + to - from, bytes.length)
  return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(behind)])
}

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  flipBit,
  flipBit,
  setByte,
  setCount,
  setCount,
  truncate,
  remove,
  repeat,
  insert,
  splice,
]

/** A copy with some of its bytes changed. */
export function mutated(bytes: Buffer, random: Random, other: Buffer = bytes): Buffer {
  let changed: Buffer = Buffer.from(bytes)
  for (let left = random.integer(1, 3); left > 0; left--) {
    changed = random.pick(MUTATIONS)(changed, random, other)
  }
  return changed
}

/**
 * A frame with its body changed. Most keep a header that fits the body, so that what is inside is looked at; of
 * the others the header is changed as well, or wrong.
 */
export function mutatedFrame(frame: Buffer, random: Random, other: Buffer): Buffer {
  if (random.chance(0.05)) return mutated(frame, random, other)
  const body = mutated(frame.subarray(FRAME_HEADER_BYTES), random, other.subarray(FRAME_HEADER_BYTES))
  const header = Buffer.from(frame.subarray(0, FRAME_HEADER_BYTES))
  if (!random.chance(0.05)) header.writeUIntBE(body.length, 2, 6)
  return Buffer.concat([header, body])
}

/** Now and then a damaged payload in a sound message: it gets further than a damaged message. */
export function sometimesMutated(payload: Buffer, random: Random): Buffer {
  return random.chance(0.15) ? mutated(payload, random) : payload
}
