import type { BatchHandler, BatchItem } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, masterKey, type RecordBins } from '../../../record/index.ts'
import { RESULT_CODES, type WriteRow } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { doubtfulError, rowError } from '../../store-errors.ts'
import { createError, existsError } from './create-errors.ts'
import type { Creation } from './creation.ts'
import { masterFailure } from './master-failure.ts'

/** Creates a record; never changes one that is there. */
export function createRow(context: StoreContext, userKey: Uint8Array, bins: RecordBins): WriteRow {
  return {
    kind: 'write',
    key: { set: context.set, userKey },
    operations: bins,
    exists: 'create-only',
  }
}

type CreateItem = BatchItem<Creation, void>

/** Writes a batch of transactions that are one record each, create-only: an existing record is never overwritten. */
export function createHandler(context: StoreContext): BatchHandler<Creation, void> {
  return async items => {
    const doubtful: CreateItem[] = []
    await dispatchRows(context, items, {
      toRow: creation => {
        const row = createRow(context, masterKey(creation.txid), creation.records.master())
        creation.mayExist = true
        return row
      },
      describe: nameOf,
      settle: (item, { status, inDoubt }) => {
        const creation = item.request
        if (status === RESULT_CODES.OK) item.succeed()
        else if (status === RESULT_CODES.RECORD_EXISTS && inDoubt) doubtful.push(item)
        else item.fail(masterFailure(creation, createError(creation.txid, status, inDoubt)))
      },
      onFailure: (creation, failure) => void masterFailure(creation, failure),
    })
    if (doubtful.length > 0) await settleDoubtful(context, doubtful)
  }
}

function nameOf({ txid }: Creation): string {
  return `creating ${txidToHex(txid)}`
}

/**
 * Rows that were sent again, their first answer being lost, and met a record: their own one has the time at which it was
 * made. That it exists is a true answer only where it was somebody else's (semantics 6.2).
 */
async function settleDoubtful(context: StoreContext, items: readonly CreateItem[]): Promise<void> {
  await mapRows(context, items, undefined, {
    toRow: ({ request: { txid } }) => ({
      kind: 'read',
      key: { set: context.set, userKey: masterKey(txid) },
      bins: [BINS.createdAt],
    }),
    describe: ({ request }) => nameOf(request),
    read: (item, answer) => {
      const { txid, records } = item.request
      if (answer instanceof StoreError) item.fail(doubtfulError(answer))
      else if (answer.status !== RESULT_CODES.OK)
        item.fail(rowError(nameOf(item.request), answer.status, true))
      else if (answer.bins?.[BINS.createdAt] === records.createdAt) item.succeed()
      else item.fail(existsError(txid))
    },
  })
}
