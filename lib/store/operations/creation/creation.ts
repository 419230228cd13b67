import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import type { BlobType } from '../../../external/index.ts'
import { holdSameOutputs, type TransactionRecords } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

/** What goes to the external store before the records are written. */
export interface CreationBody {
  readonly type: BlobType
  /** Called when the body is written and not before: that of a million outputs takes 34 MB. */
  encode(): Uint8Array
}

/** A transaction that is about to be stored. */
export interface Creation {
  readonly txid: Uint8Array
  readonly records: TransactionRecords
  readonly body: CreationBody | undefined
  /**
   * Whether its master record may be there, or come yet, because of this creation: from when it leaves until the
   * server has refused it. Whoever gave something to the transaction may take it back only where this is false.
   */
  mayExist: boolean
  /** Puts the body into the external store, for a server that refuses the record as too big. */
  moveBodyOutside(): void
}

/**
 * The body first: one without a record is harmless, a record without its body is not (semantics 5.2). A txid
 * proves a whole transaction; outputs alone are compared with those that are there already. They may have been
 * written at another height, which is that of the call that was interrupted.
 */
export async function storeBody({ external }: StoreContext, creation: Creation): Promise<void> {
  if (creation.body === undefined) return
  const { type, encode } = creation.body
  const hex = txidToHex(creation.txid)
  const body = encode()
  await external.set(hex, type, body)
  if (type === 'tx') return
  const stored = await external.get(hex, type)
  if (stored === undefined || !holdSameOutputs(stored, body))
    throw new StoreError('BLOB_ALREADY_EXISTS', `transaction ${hex} was begun with other outputs`)
}

/**
 * Runs the writing of an external body while few others are: each holds its encoding in memory (semantics 5.3).
 * The wait for a place ends with the caller's signal and when the store begins to close; nothing was sent then.
 */
export function withExternalPlace<Result>(
  { externalPlaces, closing, waitMs }: StoreContext,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (externalPlaces === undefined) return work()
  const ends = signal === undefined ? closing : AbortSignal.any([closing, signal])
  return externalPlaces.withPermit({ waitMs, signal: ends }, work)
}
