import type { Batcher } from '../../../batching/index.ts'
import { masterKey } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { createInPhases } from './create-in-phases.ts'
import { type CreateRequest, createRow, RecordTooBigError } from './create-rows.ts'
import { type Creation, storeBody, withExternalPlace } from './creation.ts'

/**
 * Stores a transaction of any size: one record in a batch with those of other callers, its body before it where
 * that is external; several records in two phases (semantics 3.4). A record that the server refuses as too big
 * is tried once more with its body outside, which `isExternal` then tells.
 */
export async function storeCreation(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  creation: Creation,
  signal: AbortSignal | undefined,
): Promise<{ readonly isExternal: boolean }> {
  const { txid, records, body } = creation
  if (records.pageCount > 0) {
    await createInPhases(context, creation, signal)
    return { isExternal: true }
  }
  if (body !== undefined) await withExternalPlace(context, signal, () => storeBody(context, txid, body))
  try {
    await batcher.submit(createRequest(context, creation), { signal })
  } catch (error) {
    if (!(error instanceof RecordTooBigError) || body !== undefined) throw error
    return storeCreation(context, batcher, creation.withExternalBody(), signal)
  }
  return { isExternal: body !== undefined }
}

/** The request of a transaction of one record. */
export function createRequest(context: StoreContext, { txid, records }: Creation): CreateRequest {
  return { txid, row: createRow(context, masterKey(txid), records.master) }
}
