import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { isPageCount, masterKey } from '../../../record/index.ts'
import { type Bins, RESULT_CODES, type RecordKey } from '../../../transport/index.ts'
import { PRUNE_INTENT_HEIGHT, pruneIntentSet } from '../../context/prune-intent-set.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'
import { type RowVerdict, verdictOf } from './removal-rows.ts'

/**
 * That a transaction is about to be removed which is more than one record: written before its master goes, and
 * removed after its pages and its body have. A crash in between leaves it behind, and a later run completes it,
 * so that no body stays without a record (semantics 5.1 leaves them).
 */
export interface PruneIntent {
  readonly txid: Uint8Array
  readonly pages: number
  /** Height of the run. */
  readonly height: number
  /** Unix milliseconds. */
  readonly startedAtMs: number
}

const BIN = { txid: 'txID', pages: 'pages', height: PRUNE_INTENT_HEIGHT, startedAt: 'startedAt' } as const

export const INTENT_BINS = Object.values(BIN)

/** Writes intents; one that is there from an earlier run stays as it is. Returns an error where one may not be there. */
export async function beginRemovals(
  context: StoreContext,
  intents: readonly PruneIntent[],
): Promise<(StoreError | undefined)[]> {
  const describe = ({ txid }: PruneIntent): string => `recording the removal of ${txidToHex(txid)}`
  return mapRows(context, intents, undefined, {
    toRow: intent => ({
      kind: 'write',
      key: keyOf(context, intent.txid),
      operations: [
        { kind: 'put', bin: BIN.txid, value: intent.txid },
        { kind: 'put', bin: BIN.pages, value: intent.pages },
        { kind: 'put', bin: BIN.height, value: intent.height },
        { kind: 'put', bin: BIN.startedAt, value: intent.startedAtMs },
      ],
      exists: 'create-only',
    }),
    describe,
    read: (intent, answer) => {
      if (answer instanceof StoreError) return answer
      const { status, inDoubt } = answer
      if (status === RESULT_CODES.OK || status === RESULT_CODES.RECORD_EXISTS) return undefined
      return rowError(describe(intent), status, inDoubt)
    },
  })
}

/** Forgets intents; one that cannot be removed is completed once more by a later run, which changes nothing. */
export async function endRemovals(
  context: StoreContext,
  txids: readonly Uint8Array[],
): Promise<RowVerdict[]> {
  const describe = (txid: Uint8Array): string => `completing the removal of ${txidToHex(txid)}`
  return mapRows(context, txids, undefined, {
    toRow: txid => ({ kind: 'remove', key: keyOf(context, txid) }),
    describe,
    read: (txid, answer) => verdictOf(describe(txid), answer),
  })
}

/** An intent as stored; undefined for a record that is none. */
export function decodeIntent(bins: Bins): PruneIntent | undefined {
  const { [BIN.txid]: txid, [BIN.pages]: pages, [BIN.height]: height, [BIN.startedAt]: startedAt } = bins
  if (!(txid instanceof Uint8Array) || txid.length !== 32) return undefined
  if (!isPageCount(pages) || !isCount(height) || !isCount(startedAt)) return undefined
  return { txid, pages, height, startedAtMs: startedAt }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function keyOf({ set }: StoreContext, txid: Uint8Array): RecordKey {
  return { set: pruneIntentSet(set), userKey: masterKey(txid) }
}
