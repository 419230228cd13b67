import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'

/** Values of record_ttl in writes that are no number of seconds (protocol 11.2). */
export const RECORD_TTL = {
  NAMESPACE_DEFAULT: 0,
  NEVER: 0xffffffff,
  KEEP: 0xfffffffe,
} as const

/** Ten years, the longest time to live. */
export const TTL_SECONDS_MAX = 315_360_000

/** The void time of a record that never expires. */
export const NEVER_EXPIRES = 0

export interface TtlPolicy {
  /** What record_ttl 0 stands for, in seconds; 0 = never expires. */
  readonly defaultTtlSeconds: number
  /** False when records with an expiry are refused, since nothing would remove them (protocol 11.2). */
  readonly ttlAllowed: boolean
}

/**
 * The void time a write gives its record, in seconds since Aerospike's epoch.
 *
 * @param currentVoidTime the record's before the write, or undefined when the write creates it
 * @throws CommandError PARAMETER for a time to live that means nothing, FORBIDDEN for one where the
 *   namespace allows none
 */
export function voidTimeAfterWrite(
  recordTtl: number,
  currentVoidTime: number | undefined,
  nowSeconds: number,
  policy: TtlPolicy,
): number {
  if (recordTtl === RECORD_TTL.NEVER) return NEVER_EXPIRES
  if (recordTtl === RECORD_TTL.KEEP && currentVoidTime !== undefined) return currentVoidTime
  const isDefault = recordTtl === RECORD_TTL.NAMESPACE_DEFAULT || recordTtl === RECORD_TTL.KEEP
  const ttlSeconds = isDefault ? policy.defaultTtlSeconds : recordTtl
  if (ttlSeconds > TTL_SECONDS_MAX) throw new CommandError(RESULT_CODES.PARAMETER)
  if (ttlSeconds === 0) return NEVER_EXPIRES
  if (!policy.ttlAllowed) throw new CommandError(RESULT_CODES.FORBIDDEN)
  return nowSeconds + ttlSeconds
}

/** A record lives through the second of its void time (protocol 11.1). */
export function isExpired(voidTimeSeconds: number, nowSeconds: number): boolean {
  return voidTimeSeconds !== NEVER_EXPIRES && voidTimeSeconds < nowSeconds
}

/** Values of record_ttl in reads that are no percentage (protocol 5.2). */
const READ_TOUCH = { DEFAULT: 0, NEVER: 0xffffffff, PERCENT_MAX: 100 } as const

/** Whether a read may extend the life of its record, by what its record_ttl says. */
export function changesExpiry(readTouchPercent: number): boolean {
  return readTouchPercent !== READ_TOUCH.DEFAULT && readTouchPercent !== READ_TOUCH.NEVER
}

/**
 * The void time a read gives its record, or undefined when it leaves it alone: a reader may ask that a
 * record is extended by its original time to live once less than a percentage of it is left.
 *
 * @throws CommandError PARAMETER for something that is no percentage, where it would matter
 */
export function voidTimeAfterRead(
  readTouchPercent: number,
  record: { readonly voidTimeSeconds: number; readonly lastUpdateMs: number },
  nowSeconds: number,
): number | undefined {
  if (record.voidTimeSeconds === NEVER_EXPIRES) return undefined
  if (!changesExpiry(readTouchPercent)) return undefined
  if (readTouchPercent > READ_TOUCH.PERCENT_MAX) throw new CommandError(RESULT_CODES.PARAMETER)
  const ttlSeconds = record.voidTimeSeconds - Math.floor(record.lastUpdateMs / 1000)
  const touchFrom = record.voidTimeSeconds - (ttlSeconds * readTouchPercent) / 100
  return nowSeconds >= touchFrom ? nowSeconds + ttlSeconds : undefined
}
