import { type Outpoint, outpointToString, txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, pageKey, recordNumber } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { rowError } from '../../store-errors.ts'

/** A transaction that is about to be removed, with what it spends. */
export interface PrunedSpender {
  readonly txid: Uint8Array
  readonly outpoints: readonly Outpoint[]
}

interface Marks {
  readonly outpoint: Outpoint
  readonly page: number
  readonly spenders: Set<string>
}

/** Entries that one row adds; more for one record go in further rows. */
const ENTRIES_PER_ROW = 512

/**
 * Writes the txids of pruned spenders into the records that hold the outputs which they spent. Without the entry
 * a replay of a pruned spender would find its own spending data there, and be taken for a repeated spend. A
 * parent that is gone needs none. Returns how many records were marked; throws the first other failure, after
 * all were tried.
 */
export async function markParents(
  context: StoreContext,
  spenders: readonly PrunedSpender[],
): Promise<number> {
  const rows = [...marksByRecord(context, spenders)].flatMap(marks => {
    const entries = [...marks.spenders]
    return Array.from({ length: Math.ceil(entries.length / ENTRIES_PER_ROW) }, (_, part) => ({
      ...marks,
      entries: entries.slice(part * ENTRIES_PER_ROW, (part + 1) * ENTRIES_PER_ROW),
    }))
  })
  const describe = ({ outpoint }: (typeof rows)[number]): string =>
    `marking the record of ${outpointToString(outpoint)}`
  let marked = 0
  const failures = await mapRows(context, rows, undefined, {
    toRow: ({ outpoint, page, entries }) => ({
      kind: 'write',
      key: { set: context.set, userKey: pageKey(outpoint.txid, page) },
      operations: entries.map(key => ({ kind: 'map-put', bin: BINS.deletedChildren, key, value: true })),
      exists: 'update-only',
    }),
    describe,
    read: (row, answer) => {
      if (answer instanceof StoreError) return answer
      if (answer.status === RESULT_CODES.OK) marked += 1
      else if (answer.status !== RESULT_CODES.NOT_FOUND)
        return rowError(describe(row), answer.status, answer.inDoubt)
      return undefined
    },
  })
  const failure = failures.find(error => error !== undefined)
  if (failure !== undefined) throw failure
  return marked
}

function marksByRecord({ settings }: StoreContext, spenders: readonly PrunedSpender[]): Iterable<Marks> {
  const byRecord = new Map<string, Marks>()
  for (const { txid, outpoints } of spenders) {
    const spender = txidToHex(txid)
    for (const outpoint of outpoints) {
      const page = recordNumber(outpoint.vout, settings.utxoBatchSize)
      const id = `${txidKey(outpoint.txid)}${page}`
      const marks = byRecord.get(id)
      if (marks === undefined) byRecord.set(id, { outpoint, page, spenders: new Set([spender]) })
      else marks.spenders.add(spender)
    }
  }
  return byRecord.values()
}
