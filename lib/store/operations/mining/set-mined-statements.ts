import { BINS, heightAfter, masterKey } from '../../../record/index.ts'
import type {
  Bins,
  BinValue,
  Filter,
  FilterValue,
  Parameter,
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

/** Nothing to say to pages, and a delete-at-height that can only be set: not conflicting, and without one so far. */
const IS_PLAIN: readonly Filter[] = [
  { compare: 'eq', left: { boolBin: BINS.conflicting }, right: false },
  { compare: 'eq', left: { intBin: BINS.totalExtraRecs }, right: 0 },
  // Also says that both counters are there.
  { compare: 'le', left: SPENT, right: SPENDABLE },
  // A count of spent pages would be of none.
  { noneExists: [BINS.deleteAtHeight, BINS.spentExtraRecs] },
]

/** How the lists of blocks take in another one. */
interface BlockLists {
  readonly name: string
  /** What has to be so before. */
  readonly when: Filter
  write(bin: string, value: Parameter): StatementOperation
  /** `blockIDs` is read only where it has more than the block. */
  readonly isRead: boolean
}

/** The first block, as mostly: whole lists cost a server less than elements of some, and nothing has to be read. */
const FIRST_BLOCK: BlockLists = {
  name: 'first block',
  when: {
    compare: 'eq',
    left: {
      sum: [{ listSize: BINS.blockIds }, { listSize: BINS.blockHeights }, { listSize: BINS.subtreeIdxs }],
    },
    right: 0,
  },
  write: (bin, value) => ({ kind: 'put', bin, value: { list: [value] } }),
  isRead: false,
}

/** One more block, which the record does not have yet: of a fork. */
const FURTHER_BLOCK: BlockLists = {
  name: 'further block',
  when: { compare: 'eq', left: { listCount: BINS.blockIds, of: BLOCK_ID }, right: 0 },
  write: (bin, value) => ({ kind: 'list-append', bin, value }),
  isRead: true,
}

/** Adds a block as `setMined` does (semantics 2.4, 2.9, 2.10). */
function setMinedStatement(lists: BlockLists, { onLongestChain, pruned }: Circumstances): WriteStatement {
  const forbidding = onLongestChain ? [BINS.preserveUntil] : [BINS.preserveUntil, BINS.unminedSince]
  const isPrunable: Filter = { and: [ALL_SPENT, { noneExists: forbidding }] }
  const operations: StatementOperation[] = [
    lists.write(BINS.blockIds, BLOCK_ID),
    lists.write(BINS.blockHeights, BLOCK_HEIGHT),
    lists.write(BINS.subtreeIdxs, SUBTREE_IDX),
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
  if (lists.isRead) operations.push({ kind: 'read', bin: BINS.blockIds })
  return {
    name: `set mined, ${lists.name}`,
    parameters: [{ type: 'int' }, { type: 'int' }, { type: 'int' }, { type: 'int' }],
    exists: 'update-only',
    filter: { and: [lists.when, ...IS_PLAIN] },
    operations,
  }
}

interface Circumstances {
  readonly onLongestChain: boolean
  /** Whether records are ever pruned. */
  readonly pruned: boolean
}

interface Statements {
  readonly firstBlock: WriteStatement
  readonly furtherBlock: WriteStatement
}

function setMinedStatements(circumstances: Circumstances): Statements {
  return {
    firstBlock: setMinedStatement(FIRST_BLOCK, circumstances),
    furtherBlock: setMinedStatement(FURTHER_BLOCK, circumstances),
  }
}

const STATEMENTS = {
  onLongestChain: {
    pruned: setMinedStatements({ onLongestChain: true, pruned: true }),
    kept: setMinedStatements({ onLongestChain: true, pruned: false }),
  },
  onFork: {
    pruned: setMinedStatements({ onLongestChain: false, pruned: true }),
    kept: setMinedStatements({ onLongestChain: false, pruned: false }),
  },
}

/**
 * The filtered writes to try before `setMined`, one after the other; none where Lua is asked at once: by the settings,
 * and where a block is taken away, for a list does not tell an expression where in it an element stands in another.
 */
export function setMinedFiltered(
  context: StoreContext,
  info: MinedInfo,
): readonly FilteredFirst<Uint8Array>[] {
  const { set, retention, settings } = context
  const { blockId, blockHeight, subtreeIdx, onLongestChain, unsetMined } = info
  if (unsetMined === true || !isFilteredFirst(context, settings.enableSetMinedFilterExpressions)) return []
  const { pruned, kept } = onLongestChain ? STATEMENTS.onLongestChain : STATEMENTS.onFork
  const { firstBlock, furtherBlock } = retention === 0 ? kept : pruned
  const args = [blockId, blockHeight, subtreeIdx, heightAfter(blockHeight, retention)]
  const rowOf = (statement: WriteStatement) => (txid: Uint8Array) =>
    ({ kind: 'execute', key: { set, userKey: masterKey(txid) }, statement, args }) as const
  const onlyBlock: Bins = {
    SUCCESS: new Map<string, BinValue>([
      ['status', 'OK'],
      ['blockIDs', [blockId]],
    ]),
  }
  return [
    { toRow: rowOf(firstBlock), udfBins: () => onlyBlock },
    { toRow: rowOf(furtherBlock), udfBins: minedBins },
  ]
}

function minedBins(bins: Bins | undefined): Bins {
  return { SUCCESS: { status: 'OK', blockIDs: bins?.[BINS.blockIds] ?? null } }
}
