import { AEROSPIKE_EPOCH_MS } from '../clock.ts'
import { NEVER_EXPIRES } from '../storage/expiry.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, type ExpressionNode } from './node.ts'
import { type Operand, operandOfParticle } from './operand.ts'
import type { ExpressionParser, Operator } from './parser.ts'
import type { ExpressionSubject } from './subject.ts'

const { BLOB, BOOLEAN, INTEGER, STRING } = EXPRESSION_TYPES

const NANOSECONDS_PER_MS = 1_000_000n
const MS_PER_SECOND = 1000n
const NEVER = -1n
/** What a record without bins takes: what is told of one that is being created. */
const EMPTY_RECORD_BYTES = 16n
/** Where in a digest the integer is that a modulo is taken of (protocol 9.2). */
const DIGEST_INTEGER_OFFSET = 16

/** Types that a user key can have. */
const KEY_TYPES: ReadonlySet<number> = new Set([INTEGER, STRING, BLOB])

/** An operator without arguments that tells something of the record besides its bins. */
function fact(type: number, tell: (subject: ExpressionSubject) => Operand): Operator {
  return {
    argumentsMin: 0,
    argumentsMax: 0,
    build: () => ({ type, evaluate: ({ subject }) => tell(subject) }),
  }
}

function unixNanoseconds(aerospikeMs: bigint): bigint {
  return (aerospikeMs + BigInt(AEROSPIKE_EPOCH_MS)) * NANOSECONDS_PER_MS
}

function sizeBytes({ record }: ExpressionSubject): bigint {
  return record === undefined ? EMPTY_RECORD_BYTES : BigInt(record.sizeBytes)
}

function lastUpdate({ times }: ExpressionSubject): bigint {
  return unixNanoseconds(BigInt(times.lastUpdateMs))
}

function sinceUpdate({ times, namespace }: ExpressionSubject): bigint {
  return BigInt(namespace.nowMs - times.lastUpdateMs)
}

function voidTime({ times: { voidTimeSeconds } }: ExpressionSubject): bigint {
  return voidTimeSeconds === NEVER_EXPIRES ? NEVER : unixNanoseconds(BigInt(voidTimeSeconds) * MS_PER_SECOND)
}

function secondsToLive({ times: { voidTimeSeconds }, namespace }: ExpressionSubject): bigint {
  return voidTimeSeconds === NEVER_EXPIRES ? NEVER : BigInt(voidTimeSeconds - namespace.nowSeconds)
}

function setName({ record, setName: requested }: ExpressionSubject): Buffer {
  return Buffer.from((record === undefined ? requested : record.set?.name) ?? '', 'latin1')
}

/** A divisor of 32 bits with a sign, which makes no difference to the remainder. */
function buildDigestModulo(parser: ExpressionParser): ExpressionNode {
  const divisor = Number(BigInt.asIntN(32, parser.integer()))
  if (divisor === 0) throw badExpression('digest modulo zero')
  return {
    type: INTEGER,
    evaluate: ({ subject }) => BigInt(subject.digest.readUInt32LE(DIGEST_INTEGER_OFFSET) % divisor),
  }
}

/** The user key, where it is stored and has the type asked for. */
function buildKey(parser: ExpressionParser): ExpressionNode {
  const type = parser.type()
  if (!KEY_TYPES.has(type)) throw badExpression(`key of type ${type}`)
  return {
    type,
    evaluate({ subject }) {
      const key = subject.record?.userKey
      if (key === undefined) return undefined
      return operandOfParticle({ type: key.readUInt8(0), value: key.subarray(1) }, type)
    },
  }
}

/** By code (protocol 9.2). */
export const METADATA: readonly (readonly [number, Operator])[] = [
  [64, { argumentsMin: 1, argumentsMax: 1, build: buildDigestModulo }],
  // Bytes on a device, of which a namespace in memory has none.
  [65, fact(INTEGER, () => 0n)],
  [66, fact(INTEGER, lastUpdate)],
  [67, fact(INTEGER, sinceUpdate)],
  [68, fact(INTEGER, voidTime)],
  [69, fact(INTEGER, secondsToLive)],
  [70, fact(STRING, setName)],
  [71, fact(BOOLEAN, ({ record }) => record?.userKey !== undefined)],
  // Tombstones are an enterprise feature.
  [72, fact(BOOLEAN, () => false)],
  [73, fact(INTEGER, sizeBytes)],
  [74, fact(INTEGER, sizeBytes)],
  [80, { argumentsMin: 1, argumentsMax: 1, build: buildKey }],
]
