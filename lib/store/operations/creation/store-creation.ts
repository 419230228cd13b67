import type { Batcher } from '../../../batching/index.ts'
import { masterKey } from '../../../record/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { createInPhases } from './create-in-phases.ts'
import { type CreateRequest, createRow, existsError, RecordTooBigError } from './create-rows.ts'
import { type Creation, storeBody, withExternalPlace } from './creation.ts'
import { readMaster } from './stored-master.ts'
import { withCreationLock } from './with-creation-lock.ts'

/**
 * Stores a transaction of any size: one record in a batch with those of other callers; several records in two
 * phases (semantics 3.4). A record that the server refuses as too big is tried once more with its body outside,
 * which `isExternal` then tells.
 */
export function storeCreation(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  creation: Creation,
  signal: AbortSignal | undefined,
): Promise<{ readonly isExternal: boolean }> {
  if (creation.body !== undefined) {
    const stored =
      creation.records.pageCount > 0
        ? createInPhases(context, creation, signal)
        : createWithBody(context, batcher, creation, signal)
    return stored.then(() => OUTSIDE)
  }
  return batcher.submit(createRequest(context, creation), { signal }).then(
    () => INSIDE,
    error => {
      if (!(error instanceof RecordTooBigError)) throw error
      return storeCreation(context, batcher, creation.withExternalBody(), signal)
    },
  )
}

const OUTSIDE = { isExternal: true }
const INSIDE = { isExternal: false }

/**
 * The body, then the one record. Under the lock: who removes a transaction removes its body after its record, and
 * would take along the one that a new record counts on. From then on it goes on without its caller.
 */
function createWithBody(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  creation: Creation,
  signal: AbortSignal | undefined,
): Promise<void> {
  return withExternalPlace(context, signal, () =>
    withCreationLock(context, creation, async lock => {
      // One that is stored inside its record has no body outside, which nobody would ever remove.
      if ((await readMaster(context, creation.txid)) !== undefined) throw existsError(creation.txid)
      await storeBody(context, creation)
      await lock.hold()
      await batcher.submit(createRequest(context, creation))
      // Who got the lock while the row waited may have removed the record before this one, and its body.
      if (lock.isDoubtful) await storeBody(context, creation)
    }),
  )
}

/** The request of a transaction of one record. */
export function createRequest(context: StoreContext, { txid, records }: Creation): CreateRequest {
  return { txid, row: createRow(context, masterKey(txid), records.master) }
}
