import type { Batcher, BatchHandler, BatchItem } from '../../../batching/index.ts'
import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { masterKey } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { dispatchRows } from '../../dispatch/dispatch-rows.ts'
import { forChunks, type Sliceable } from '../../dispatch/map-chunks.ts'
import type { OnProgress } from '../../dispatch/progress.ts'
import { queueShare } from '../../dispatch/queue-share.ts'
import { FailureTally } from '../../failure-tally.ts'
import { asStoreError, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { parseUdfResponse } from '../../udf/udf-response.ts'
import { alignLocks, type PageLock, pageLockWrite } from '../pages/page-locks.ts'
import { writePages } from '../pages/page-writes.ts'

export interface LockRequest {
  readonly txid: Uint8Array
  readonly locked: boolean
}

export interface SetLockedOptions {
  readonly locked: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/** Sets or lifts the lock of transactions through their batcher; throws after all were tried. */
export async function setLocked(
  context: StoreContext,
  batcher: Batcher<LockRequest, void>,
  txids: Sliceable<Uint8Array>,
  { locked, signal, onProgress }: SetLockedOptions,
): Promise<void> {
  const failures = new FailureTally()
  await forChunks(txids, { ...queueShare(context, batcher), signal, onProgress }, async chunk => {
    const requests = chunk.map(txid => ({ txid, locked }))
    for (const outcome of await batcher.submitGroup(requests, { signal })) {
      if (outcome.status === 'rejected') failures.add(asStoreError(outcome.reason, 'setLocked'))
    }
  })
  failures.throwIfAny(txids.length, 'locks could not be set')
}

/**
 * Changes the lock of masters, then, in one more batch from inside the same handler, of their pages. Never
 * through the batcher again: with all its places taken, workers would wait for work only they could do
 * (semantics 3.8, incidents #1033 and #928).
 */
export function lockedHandler(context: StoreContext): BatchHandler<LockRequest, void> {
  return async (items, dispatch) => {
    const pageLocks: PageLock[] = []
    const locked: { item: BatchItem<LockRequest, void>; hex: string }[] = []
    await dispatchRows(context, items, {
      toRow: ({ txid, locked }) => ({
        kind: 'apply',
        key: { set: context.set, userKey: masterKey(txid) },
        module: context.modules.main,
        function: 'setLocked',
        args: [locked],
      }),
      describe: ({ txid }) => `setting the lock of ${txidToHex(txid)}`,
      settle: (item, answer) => {
        const { txid } = item.request
        if (answer.status === RESULT_CODES.NOT_FOUND) return item.fail(new RecordNotFoundError(txid))
        if (answer.status !== 0)
          return item.fail(rowError(`setting the lock of ${txidToHex(txid)}`, answer.status, answer.inDoubt))
        const { status, errorCode, message, childCount } = parseUdfResponse(answer.bins)
        if (errorCode === 'TX_NOT_FOUND') return item.fail(new RecordNotFoundError(txid))
        if (status !== 'OK') {
          return item.fail(
            new StoreError(
              'STORAGE_ERROR',
              `setting the lock of ${txidToHex(txid)}: ${errorCode} (${message})`,
            ),
          )
        }
        if (childCount > 0) pageLocks.push({ ...item.request, pages: childCount })
        locked.push({ item, hex: txidToHex(txid) })
      },
    })
    const failures =
      pageLocks.length === 0 ? NO_FAILURES : await pageFailures(context, pageLocks, dispatch.signal)
    for (const { item, hex } of locked) {
      const failure = failures.get(hex)
      if (failure === undefined) item.succeed()
      else item.fail(failure)
    }
  }
}

const NO_FAILURES: ReadonlyMap<string, StoreError> = new Map()

async function pageFailures(
  context: StoreContext,
  locks: readonly PageLock[],
  signal: AbortSignal,
): Promise<Map<string, StoreError>> {
  try {
    const failures = await writePages(context, locks.map(pageLockWrite), signal)
    return new Map([...failures, ...(await alignLocks(context, locks))])
  } catch (error) {
    const failure = asStoreError(error, 'changing the pages', { code: 'STORAGE_ERROR' })
    return new Map(locks.map(({ txid }) => [txidToHex(txid), failure]))
  }
}
