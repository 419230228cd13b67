import { CommandError } from '../../../../lib/embedded/command-error.ts'
import { compileExpression } from '../../../../lib/embedded/expressions/index.ts'
import type { ExpressionSubject } from '../../../../lib/embedded/expressions/subject.ts'
import { BinList } from '../../../../lib/embedded/storage/bin-list.ts'
import { NEVER_EXPIRES } from '../../../../lib/embedded/storage/expiry.ts'
import { Namespace } from '../../../../lib/embedded/storage/namespace.ts'
import type { StoredRecord } from '../../../../lib/embedded/storage/stored-record.ts'
import {
  Double,
  decodeParticle,
  encodeParticle,
  resultCodeName,
  type Value,
} from '../../../../lib/protocol/index.ts'
import { type Argument, Msgpack, msgpack } from '../../operations/support/operation-lab.ts'
import { ManualClock } from '../../support/manual-clock.ts'

/** Bytes without a particle type, as names and patterns travel. */
export function raw(text: string): Msgpack {
  const bytes = Buffer.from(text, 'latin1')
  return new Msgpack(
    Buffer.concat([Buffer.from([0xda, bytes.length >> 8, bytes.length & 0xff]), bytes]).toString('hex'),
  )
}

const accessor = (type: number) => (name: string) => [81, type, raw(name)]

/** Expressions that read a bin, by the type that they expect. */
export const bin = {
  nil: accessor(0),
  boolean: accessor(1),
  integer: accessor(2),
  string: accessor(3),
  list: accessor(4),
  map: accessor(5),
  blob: accessor(6),
  float: accessor(7),
  geoJson: accessor(8),
  hll: accessor(9),
} as const

export const UNKNOWN_OPERATOR = [0]
export const list = (...elements: Argument[]): Argument => [126, elements]
export const float = (value: number): Double => new Double(value)
export const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
export const unorderedMap = (hex: string) => new Msgpack(hex)

/** What an evaluation came to when it has no value, or the name of the result code that it was refused with. */
export const UNKNOWN = 'unknown'
export const REFUSED = 'PARAMETER'
export const UNSUPPORTED = 'UNSUPPORTED_FEATURE'

export const BINS: Readonly<Record<string, Value>> = {
  five: 5,
  minus: -3,
  zero: 0,
  largest: 2n ** 63n - 1n,
  smallest: -(2n ** 63n),
  half: 2.5,
  nan: Number.NaN,
  hello: 'hello',
  empty: '',
  blob: bytes('010203'),
  yes: true,
  no: false,
  list: [3, 1, 2],
  mixed: [1, 'a', 1.5, null, true, [1], new Map([['k', 1]]), bytes('09')],
  map: new Map([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]),
  nested: new Map<Value, Value>([['l', [1, new Map([['q', [7, 8]]])]]]),
}

export function binList(values: Readonly<Record<string, Value>>): BinList {
  const bins = Object.entries(values).map(([name, value]) => {
    const { type, value: particle } = encodeParticle(value)
    return { name, type, value: Buffer.from(particle) }
  })
  return BinList.of(bins)
}

export const namespace = new Namespace('test', new ManualClock())

/** A record to evaluate on. */
export function subjectOf(
  bins: Readonly<Record<string, Value>> = BINS,
  record?: StoredRecord,
): ExpressionSubject {
  const times = record ?? { voidTimeSeconds: NEVER_EXPIRES, lastUpdateMs: namespace.nowMs }
  return { namespace, digest: Buffer.alloc(20, 7), record, times, bins: binList(bins), setName: 'demo' }
}

/** The value of an expression, UNKNOWN, or the name of a result code. */
export function evaluate(expression: Argument, subject = subjectOf()): Value {
  try {
    const particle = compileExpression(msgpack(expression)).particle(subject)
    return particle === undefined ? UNKNOWN : decodeParticle(particle.type, particle.value)
  } catch (error) {
    if (error instanceof CommandError) return resultCodeName(error.resultCode)
    throw error
  }
}
