import { describe, StoreError } from '../../errors/index.ts'
import { BINS, pageCountOf } from '../../record/index.ts'
import type { Bins, BinValue } from '../../transport/index.ts'

/** The answer of a UDF (semantics 2.1). */
export interface UdfResponse {
  readonly status: 'OK' | 'ERROR'
  readonly errorCode: string | undefined
  readonly message: string | undefined
  readonly signal: string | undefined
  readonly childCount: number
  /** As the record has them, for `blockIdsOf`: most calls do not use them, and must not fail where they are damaged. */
  readonly blockIds: BinValue | undefined
  /** Text form of the winner's spending data, where a single output is spent. */
  readonly spendingData: string | undefined
  /** Failures of single items by the caller's idx, for `spendMulti`. */
  readonly errors: ReadonlyMap<number, UdfItemError> | undefined
}

export interface UdfItemError {
  readonly errorCode: string
  readonly message: string
  /** Text form of the winner's spending data, where an output is spent. */
  readonly spendingData: string | undefined
}

type Fields = ReadonlyMap<string | number | bigint, BinValue>

/**
 * Reads the answer from the bin `SUCCESS`. Throws `PROCESSING` for anything that is no such answer, and `STORAGE_ERROR`
 * where the master's count of pages, which it hands on, is damaged.
 */
export function parseUdfResponse(bins: Bins | undefined): UdfResponse {
  const answer = entriesOf(bins?.SUCCESS)
  if (answer === undefined) throw malformed('no map in the bin SUCCESS', bins?.SUCCESS ?? bins?.FAILURE)
  const status = answer.get('status')
  if (status !== 'OK' && status !== 'ERROR') throw malformed('status is neither OK nor ERROR', status)
  return {
    status,
    errorCode: optionalText(answer, 'errorCode'),
    message: optionalText(answer, 'message'),
    signal: optionalText(answer, 'signal'),
    childCount: pageCountOf(answer.get('childCount')) ?? 0,
    blockIds: answer.get('blockIDs'),
    spendingData: optionalText(answer, 'spendingData'),
    errors: optionalErrors(answer),
  }
}

/**
 * The blocks of an answer. Whether they are there is meaningful: an empty list says "no blocks". Throws `STORAGE_ERROR`
 * for what is no list of integers.
 */
export function blockIdsOf({ blockIds }: UdfResponse): readonly number[] | undefined {
  if (blockIds === undefined || blockIds === null) return undefined
  if (Array.isArray(blockIds) && blockIds.every(element => Number.isSafeInteger(element)))
    return blockIds as readonly number[]
  throw new StoreError(
    'STORAGE_ERROR',
    `the bin ${BINS.blockIds} must be a list of integers, got ${describe(blockIds)}`,
  )
}

function optionalErrors(answer: Fields): ReadonlyMap<number, UdfItemError> | undefined {
  const value = answer.get('errors')
  if (value === undefined || value === null) return undefined
  const entries = entriesOf(value)
  if (entries === undefined) throw malformed('errors is no map', value)
  const errors = new Map<number, UdfItemError>()
  for (const [key, entry] of entries) {
    const idx = Number(key)
    const fields = entriesOf(entry)
    if (!Number.isSafeInteger(idx) || fields === undefined)
      throw malformed('errors has an entry that is no error', entry)
    errors.set(idx, {
      errorCode: optionalText(fields, 'errorCode') ?? 'UNKNOWN',
      message: optionalText(fields, 'message') ?? '',
      spendingData: optionalText(fields, 'spendingData'),
    })
  }
  return errors
}

function optionalText(fields: Fields, name: string): string | undefined {
  const value = fields.get(name)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw malformed(`${name} is no string`, value)
  return value
}

/** A map as it is handed over: by either transport as a plain object, or as a Map where some key is no text. */
function entriesOf(value: BinValue | undefined): Fields | undefined {
  if (value instanceof Map) return value
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    return undefined
  return new Map(Object.entries(value as Readonly<Record<string, BinValue>>))
}

function malformed(what: string, value: unknown): StoreError {
  const shown = typeof value === 'string' ? `: ${value.slice(0, 200)}` : ''
  return new StoreError('PROCESSING', `the UDF's answer cannot be read: ${what}${shown}`)
}
