import type { ByteSet } from './byte-set.ts'

/** Conditions on the position between two bytes. */
export const ASSERTIONS = {
  LINE_START: 0,
  LINE_END: 1,
  TEXT_START: 2,
  TEXT_END: 3,
  WORD_START: 4,
  WORD_END: 5,
  WORD_BOUNDARY: 6,
  NO_WORD_BOUNDARY: 7,
} as const

/** A pattern that was parsed. */
export type Pattern =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assertion'; readonly assertion: number }
  | { readonly kind: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'alternatives'; readonly parts: readonly Pattern[] }
  /** @see max Infinity for no limit */
  | { readonly kind: 'repeat'; readonly part: Pattern; readonly min: number; readonly max: number }

/** Matches everywhere, and nothing of the text. */
export const EMPTY_PATTERN: Pattern = { kind: 'sequence', parts: [] }
