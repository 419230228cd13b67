import {
  encodeFrame,
  encodeMessage,
  FIELD_TYPES,
  FRAME_TYPES,
  type MessageInit,
  recordDigest,
  userKey,
} from '../../../lib/protocol/index.ts'
import { filterExpression } from './expressions.ts'
import { sometimesMutated } from './mutations.ts'
import type { Random } from './random.ts'

export const NAMESPACE = 'test'
export const SET = 'fuzz'
/** Few, so that requests meet on the same records. */
const KEYS = 12
const TIMEOUT_MS = 200
export type Field = NonNullable<MessageInit['fields']>[number]
export type Request = (random: Random) => Buffer

export function text(type: number, value: string): Field {
  return { type, data: Buffer.from(value) }
}

export function uint32(type: number, value: number): Field {
  const data = Buffer.alloc(4)
  data.writeUInt32BE(value)
  return { type, data }
}

export function uint64(type: number, value: number): Field {
  const data = Buffer.alloc(8)
  data.writeBigUInt64BE(BigInt(value))
  return { type, data }
}

export function digest(random: Random): Buffer {
  return recordDigest(SET, userKey(random.integer(1, KEYS)))
}

export function keyFields(random: Random): Field[] {
  return [
    text(FIELD_TYPES.NAMESPACE, NAMESPACE),
    text(FIELD_TYPES.SET, SET),
    { type: FIELD_TYPES.DIGEST, data: digest(random) },
  ]
}

export function sometimesFiltered(random: Random): Field[] {
  if (!random.chance(0.15)) return []
  return [{ type: FIELD_TYPES.FILTER, data: sometimesMutated(filterExpression(random), random) }]
}

export function message(init: MessageInit): Buffer {
  return encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ transactionTtl: TIMEOUT_MS, ...init }))
}
