import {
  ByteWriter,
  PARTICLE_TYPES,
  type Value,
  writeBytesHeader,
  writeInteger,
  writeListHeader,
  writeValue,
} from '../../../lib/protocol/index.ts'
import type { Random } from './random.ts'

/** Bytes without a particle type before them: names in expressions. */
export class RawName {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Msgpack that is there already. */
export class Packed {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

/** What operations and expressions are made of. */
export type Term = Value | RawName | Packed | readonly Term[]

export function pack(term: Term): Buffer {
  const writer = new ByteWriter()
  write(writer, term)
  return writer.view()
}

function write(writer: ByteWriter, term: Term): void {
  if (term instanceof Packed) writer.bytes(term.bytes)
  else if (term instanceof RawName) {
    writeBytesHeader(writer, Buffer.byteLength(term.text))
    writer.bytes(Buffer.from(term.text))
  } else if (Array.isArray(term)) {
    writeListHeader(writer, term.length)
    for (const element of term as readonly Term[]) write(writer, element)
  } else if (typeof term === 'bigint') writeInteger(writer, term)
  else writeValue(writer, term as Value)
}

const WILDCARD = new Packed(Buffer.from('d4ff00', 'hex'))
const INFINITY = new Packed(Buffer.from('d4ff01', 'hex'))
/** Where encodings change, and where arithmetic overflows. */
const EDGES: readonly [bigint, ...bigint[]] = [
  -(2n ** 63n),
  -(2n ** 31n) - 1n,
  -129n,
  -33n,
  -1n,
  0n,
  127n,
  128n,
  255n,
  65_536n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
]

export function small(random: Random): number {
  return random.integer(-6, 9)
}

/** A value that a bin can hold, at most three levels deep. */
export function anyValue(random: Random, depth = 0): Value {
  const kind = random.integer(0, depth < 3 ? 9 : 6)
  switch (kind) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return random.pick(EDGES)
    case 3:
      return random.pick([0.5, -1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY])
    case 4:
      return random.bytes(random.integer(0, 12))
    case 5:
      return random.pick(['', 'a', 'b', 'żółć', 'x'.repeat(40)])
    case 6:
      return small(random)
    case 7:
      return new Map(random.times(random.integer(0, 4), () => [anyKey(random), anyValue(random, depth + 1)]))
    default:
      return random.times(random.integer(0, 5), () => anyValue(random, depth + 1))
  }
}

/** Only scalars that differ as map keys differ as JavaScript values do. */
export function anyKey(random: Random): Value {
  return random.chance(0.5) ? random.pick(['a', 'b', 'c', 'd']) : random.integer(0, 5)
}

/** A value to compare with. */
export function anyBound(random: Random): Term {
  if (random.chance(0.1)) return random.pick([WILDCARD, INFINITY])
  return random.chance(0.1) ? [small(random), WILDCARD] : anyValue(random, 1)
}

/** Nesting far beyond what anybody stores: lists in lists, or maps in maps. */
export function deeplyNested(random: Random): Buffer {
  const levels = random.integer(1, 4) * random.pick([10, 100, 1000, 10_000])
  const level = random.pick([Buffer.from([0x91]), Buffer.from([0x81, 0x01]), Buffer.from([0x92, 0x12])])
  return Buffer.concat([...new Array<Buffer>(levels).fill(level), Buffer.from([0x01])])
}

/** Headers that announce far more than follows. */
export function hugeCount(random: Random): Buffer {
  const header = random.pick([0xdd, 0xdf, 0xdb, 0xc6, 0xc9, 0xdc, 0xde])
  const count = random.pick(['ffffffff', '7fffffff', '00ffffff', '0000ffff'])
  return Buffer.concat([Buffer.from([header]), Buffer.from(count, 'hex'), random.bytes(random.integer(0, 4))])
}

export function particleOf(random: Random): { readonly type: number; readonly bytes: Buffer } {
  const type = random.pick([PARTICLE_TYPES.LIST, PARTICLE_TYPES.MAP])
  const bytes = random.pick([deeplyNested, hugeCount])(random)
  return { type, bytes }
}
