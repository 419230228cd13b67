import { describe, StoreError } from '../errors/index.ts'
import { BINS } from './bins.ts'

/**
 * More pages than any transaction has: 2^24 outputs (semantics 1.8), 16 to a record. Whoever shares the cluster may
 * put others into a record than we do, so this does not follow our own setting.
 */
export const PAGES_MAX = 2 ** 20

export function isPageCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= PAGES_MAX
}

/**
 * The count of pages as a master has it; undefined where it has none. Every page is visited, so that a damaged count
 * must not be believed: a billion rows are more than a process can hold. Throws `STORAGE_ERROR` for one.
 */
export function pageCountOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (isPageCount(value)) return value
  throw new StoreError(
    'STORAGE_ERROR',
    `the bin ${BINS.totalExtraRecs} must be a number of pages from 0 to ${PAGES_MAX}, got ${describe(value)}`,
  )
}
