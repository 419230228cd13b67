import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, heightAfter, masterKey, pageCountOf } from '../../../record/index.ts'
import {
  type Filter,
  type QueryRecord,
  RESULT_CODES,
  type RowAnswer,
  type WriteRow,
} from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { asStoreError, rowError, throwFailures } from '../../store-errors.ts'
import { carryDeleteAtHeights } from '../pages/delete-at-height-carrier.ts'
import { logSkipped } from './unmined.ts'

/** Records that are worked on together (semantics 3.14). */
const GROUP_RECORDS = 100

/**
 * Ends the preservations that are over at a height. Whatever can be pruned by then gets a delete-at-height in
 * the same atomic write, and nothing else does: set without looking, it deleted live outputs (lesson 64). All
 * are tried before a failure is thrown. Returns how many were ended.
 */
export async function processExpiredPreservations(
  context: StoreContext,
  currentHeight: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (currentHeight === 0) return 0
  await context.indexes.ready('preserveUntil', signal)
  const records = context.queries.query(
    {
      index: { bin: BINS.preserveUntil, range: [1, currentHeight] },
      bins: [BINS.txid, BINS.totalExtraRecs],
    },
    { signal, idleTimeoutMs: context.settings.queryIdleTimeoutSeconds * 1_000 },
  )
  const failures: StoreError[] = []
  let found = 0
  let ended = 0
  for await (const group of groupsOf(records, GROUP_RECORDS)) {
    const read = group.flatMap(record => preservedTransaction(context, record))
    const preserved = read.flatMap(each => (each instanceof StoreError ? [] : each))
    found += read.length
    failures.push(...read.filter(each => each instanceof StoreError))
    const outcomes = await endPreservations(context, preserved, currentHeight, signal)
    failures.push(...outcomes.failures)
    ended += outcomes.ended
  }
  throwFailures(failures, found, 'preservations could not be ended')
  return ended
}

interface PreservedTransaction {
  readonly txid: Uint8Array
  readonly pages: number
}

function preservedTransaction(
  context: StoreContext,
  { digest, bins }: QueryRecord,
): (PreservedTransaction | StoreError)[] {
  const txid = bins[BINS.txid]
  if (!(txid instanceof Uint8Array) || txid.length !== 32) {
    logSkipped(context, digest)
    return []
  }
  try {
    return [{ txid, pages: pageCountOf(bins[BINS.totalExtraRecs]) ?? 0 }]
  } catch (error) {
    return [asStoreError(error, `ending the preservation of ${txidToHex(txid)}`)]
  }
}

async function endPreservations(
  context: StoreContext,
  transactions: readonly PreservedTransaction[],
  height: number,
  signal: AbortSignal | undefined,
): Promise<{ ended: number; failures: StoreError[] }> {
  const writes = transactions.flatMap(transaction =>
    endingWrites(context, height).map(write => ({ transaction, ...write })),
  )
  const outcomes = await mapRows(context, writes, signal, {
    toRow: ({ transaction, operations, filter }) => ({
      kind: 'write',
      key: { set: context.set, userKey: masterKey(transaction.txid) },
      operations,
      exists: 'update-only',
      filter,
    }),
    describe: ({ transaction }) => `ending the preservation of ${txidToHex(transaction.txid)}`,
    read: (write, answer) => ({ write, ...verdict(write.transaction, answer) }),
  })
  const applied = outcomes.filter(({ isApplied }) => isApplied)
  const signals = applied.flatMap(({ write: { transaction, isPrunable } }) =>
    isPrunable ? [{ txid: transaction.txid, signal: 'DAHSET', childCount: transaction.pages, height }] : [],
  )
  const carried = await carryDeleteAtHeights(context, signals)
  return {
    ended: applied.length,
    failures: [...outcomes.flatMap(({ error }) => error ?? []), ...carried.values()],
  }
}

/** Neither row applies where the preservation was prolonged meanwhile, or the record is gone. */
function verdict(
  { txid }: PreservedTransaction,
  answer: RowAnswer | StoreError,
): { isApplied: boolean; error?: StoreError } {
  if (answer instanceof StoreError) return { isApplied: false, error: answer }
  const { status, inDoubt } = answer
  if (status === RESULT_CODES.OK) return { isApplied: true }
  if (status === RESULT_CODES.FILTERED_OUT || status === RESULT_CODES.NOT_FOUND) return { isApplied: false }
  const what = `ending the preservation of ${txidToHex(txid)}`
  return { isApplied: false, error: rowError(what, status, inDoubt) }
}

interface EndingWrite {
  readonly isPrunable: boolean
  readonly operations: WriteRow['operations']
  readonly filter: Filter
}

/** Two writes with filters that exclude each other: one for what can be pruned now, one for the rest. */
function endingWrites({ retention }: StoreContext, height: number): EndingWrite[] {
  const isOver: Filter = { compare: 'le', left: { intBin: BINS.preserveUntil }, right: height }
  const end = { kind: 'unset', bin: BINS.preserveUntil } as const
  if (retention === 0) return [{ isPrunable: false, operations: [end], filter: isOver }]
  const deleteAtHeight = BINS.deleteAtHeight
  return [
    {
      isPrunable: true,
      operations: [end, { kind: 'put', bin: deleteAtHeight, value: heightAfter(height, retention) }],
      filter: { and: [isOver, PRUNABLE] },
    },
    {
      isPrunable: false,
      operations: [end, { kind: 'unset', bin: deleteAtHeight }],
      filter: { and: [isOver, { not: PRUNABLE }] },
    },
  ]
}

const ABSENT = (bin: string): Filter => ({ not: { binExists: bin } })
const EQUAL_BINS = (left: string, right: string): Filter => ({
  compare: 'eq',
  left: { intBin: left },
  right: { intBin: right },
})

/**
 * The rule of lua/utxo/delete_at_height.lua as a filter (semantics 2.9): conflicting, or mined on the longest
 * chain with everything spent. Each comparison stands behind its bin's existence, so that it never is unknown.
 */
const PRUNABLE: Filter = {
  or: [
    {
      and: [
        { binExists: BINS.conflicting },
        { compare: 'eq', left: { boolBin: BINS.conflicting }, right: true },
      ],
    },
    {
      and: [
        EQUAL_BINS(BINS.spentUtxos, BINS.recordUtxos),
        {
          or: [
            {
              and: [{ binExists: BINS.spentExtraRecs }, EQUAL_BINS(BINS.spentExtraRecs, BINS.totalExtraRecs)],
            },
            {
              and: [
                ABSENT(BINS.spentExtraRecs),
                { compare: 'eq', left: { intBin: BINS.totalExtraRecs }, right: 0 },
              ],
            },
          ],
        },
        { binExists: BINS.blockIds },
        { compare: 'gt', left: { listSize: BINS.blockIds }, right: 0 },
        ABSENT(BINS.unminedSince),
      ],
    },
  ],
}

async function* groupsOf<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let group: Item[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
