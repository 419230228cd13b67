import { BINS, heightAfter, masterKey } from '../../../record/index.ts'
import type {
  Bins,
  Filter,
  FilterValue,
  StatementOperation,
  WriteStatement,
} from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { type FilteredFirst, isFilteredFirst } from '../../dispatch/filtered-first.ts'
import type { MinedInfo } from './set-mined.ts'

/** Places of the arguments of the statements here. */
const BLOCK_ID = { parameter: 0 }
const BLOCK_HEIGHT = { parameter: 1 }
const SUBTREE_IDX = { parameter: 2 }
const DELETE_AT_HEIGHT = { parameter: 3 }

const SPENT: FilterValue = { intBin: BINS.spentUtxos }
const SPENDABLE: FilterValue = { intBin: BINS.recordUtxos }
const ALL_SPENT: Filter = { compare: 'eq', left: SPENT, right: SPENDABLE }

/**
 * Masters without pages that are new to the block, and whose delete-at-height can only be set: not conflicting, and
 * without one so far, and without a count of pages, which would be of none.
 */
const IS_PLAIN: Filter = {
  and: [
    { compare: 'eq', left: { listCount: BINS.blockIds, of: BLOCK_ID }, right: 0 },
    { compare: 'eq', left: { boolBin: BINS.conflicting }, right: false },
    { compare: 'eq', left: { intBin: BINS.totalExtraRecs }, right: 0 },
    // Also says that both counters are there.
    { compare: 'le', left: SPENT, right: SPENDABLE },
    { noneExists: [BINS.deleteAtHeight, BINS.spentExtraRecs] },
  ],
}

/** Adds a block as `setMined` does (semantics 2.4, 2.9, 2.10). */
function setMinedStatement({ onLongestChain, pruned }: { onLongestChain: boolean; pruned: boolean }) {
  const forbidding = onLongestChain ? [BINS.preserveUntil] : [BINS.preserveUntil, BINS.unminedSince]
  const isPrunable: Filter = { and: [ALL_SPENT, { noneExists: forbidding }] }
  const operations: StatementOperation[] = [
    { kind: 'list-append', bin: BINS.blockIds, value: BLOCK_ID },
    { kind: 'list-append', bin: BINS.blockHeights, value: BLOCK_HEIGHT },
    { kind: 'list-append', bin: BINS.subtreeIdxs, value: SUBTREE_IDX },
    // Only what is `true` is a lock to lift.
    {
      kind: 'choose',
      bin: BINS.locked,
      cases: [{ when: { compare: 'eq', left: { boolBin: BINS.locked }, right: true }, result: false }],
    },
    { kind: 'unset', bin: BINS.creating },
  ]
  if (onLongestChain) operations.push({ kind: 'unset', bin: BINS.unminedSince })
  if (pruned)
    operations.push({
      kind: 'choose',
      bin: BINS.deleteAtHeight,
      cases: [{ when: isPrunable, result: DELETE_AT_HEIGHT }],
    })
  operations.push({ kind: 'read', bin: BINS.blockIds })
  return {
    name: 'set mined',
    parameters: [{ type: 'int' }, { type: 'int' }, { type: 'int' }, { type: 'int' }],
    exists: 'update-only',
    filter: IS_PLAIN,
    operations,
  } as const satisfies WriteStatement
}

const STATEMENTS = {
  onLongestChain: {
    pruned: setMinedStatement({ onLongestChain: true, pruned: true }),
    kept: setMinedStatement({ onLongestChain: true, pruned: false }),
  },
  onFork: {
    pruned: setMinedStatement({ onLongestChain: false, pruned: true }),
    kept: setMinedStatement({ onLongestChain: false, pruned: false }),
  },
}

/**
 * The filtered write to try before `setMined`; undefined where Lua is asked at once: by the settings, and where a
 * block is taken away, for a list does not tell an expression where in it an element stands in another.
 */
export function setMinedFiltered(
  context: StoreContext,
  info: MinedInfo,
): FilteredFirst<Uint8Array> | undefined {
  const { set, retention, settings } = context
  const { blockId, blockHeight, subtreeIdx, onLongestChain, unsetMined } = info
  if (unsetMined === true || !isFilteredFirst(context, settings.enableSetMinedFilterExpressions))
    return undefined
  const { pruned, kept } = onLongestChain ? STATEMENTS.onLongestChain : STATEMENTS.onFork
  const statement = retention === 0 ? kept : pruned
  const args = [blockId, blockHeight, subtreeIdx, heightAfter(blockHeight, retention)]
  return {
    toRow: txid => ({ kind: 'execute', key: { set, userKey: masterKey(txid) }, statement, args }),
    udfBins: minedBins,
  }
}

function minedBins(bins: Bins | undefined): Bins {
  return { SUCCESS: { status: 'OK', blockIDs: bins?.[BINS.blockIds] ?? null } }
}
