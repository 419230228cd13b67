import type { BinReader } from './bin-reader.ts'
import { BINS } from './bins.ts'
import { HEIGHT_MAX } from './height.ts'

/**
 * A freeze of an output (semantics 1.12). It has two tiers: consensus, a half-open window of heights with one
 * verdict on every node, and policy, the refusal of this operator.
 */
export interface FreezeWindow {
  /** First height at which a spend breaks consensus; 0: from genesis on. */
  readonly from: number
  /** First height after the window; 0: it has no end. */
  readonly until: number
  /** Whether the policy ends with the window; otherwise it lasts until the output is unfrozen. */
  readonly policyExpires: boolean
}

/** The freeze of an output as recorded. */
export interface FreezeRecord {
  readonly vout: number
  /** Undefined where the entry is damaged: the output cannot be spent until it is frozen anew. */
  readonly window: FreezeWindow | undefined
}

/** What the sentinel in a slot says without a record: a freeze of the time before records, always and for good. */
export const LEGACY_FREEZE: FreezeWindow = { from: 0, until: 0, policyExpires: false }

/** A window as it is stored: heights within 32 bits, and one that is never active as the latest empty one. */
export function normaliseWindow({ from, until, policyExpires }: FreezeWindow): FreezeWindow {
  const [first, end] = [Math.min(from, HEIGHT_MAX), Math.min(until, HEIGHT_MAX)]
  return end !== 0 && end <= first
    ? { from: HEIGHT_MAX, until: HEIGHT_MAX, policyExpires }
    : { from: first, until: end, policyExpires }
}

export function isConsensusActive({ from, until }: FreezeWindow, height: number): boolean {
  return height >= from && (until === 0 || height < until)
}

export function isPolicyActive({ from, until, policyExpires }: FreezeWindow, height: number): boolean {
  return !(policyExpires && until !== 0 && (height >= until || until <= from))
}

/** The bins that `readFreezes` looks at. */
export const FREEZE_BINS = [BINS.freezeFrom, BINS.freezeUntil, BINS.freezeExpires] as const

/**
 * The freeze records of one record's outputs, by slot offset; undefined for a damaged one, which must never read
 * as "not frozen". Throws `STORAGE_ERROR` where a bin is no map of offsets.
 */
export function readFreezes(reader: BinReader): ReadonlyMap<number, FreezeWindow | undefined> {
  const starts = reader.integerKeyedMap(BINS.freezeFrom)
  if (starts === undefined) return NO_FREEZES
  const ends = reader.integerKeyedMap(BINS.freezeUntil)
  const expiries = reader.integerKeyedMap(BINS.freezeExpires)
  return new Map(
    [...starts].map(([offset, from]) => {
      const until = ends?.get(offset) ?? 0
      return isHeight(from) && isHeight(until)
        ? [offset, { from, until, policyExpires: expiries?.get(offset) === true }]
        : [offset, undefined]
    }),
  )
}

const NO_FREEZES: ReadonlyMap<number, FreezeWindow | undefined> = new Map()

function isHeight(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= HEIGHT_MAX
}
