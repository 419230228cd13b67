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
const PARAMETERS = [{ type: 'int' }, { type: 'int' }, { type: 'int' }, { type: 'int' }] as const

const SPENT: FilterValue = { intBin: BINS.spentUtxos }
const SPENDABLE: FilterValue = { intBin: BINS.recordUtxos }

/** Nothing to say to pages, and a delete-at-height that can only be set: not conflicting, and without one so far. */
const IS_PLAIN: readonly Filter[] = [
  { compare: 'eq', left: { boolBin: BINS.conflicting }, right: false },
  { compare: 'eq', left: { intBin: BINS.totalExtraRecs }, right: 0 },
  // A count of spent pages would be of none.
  { noneExists: [BINS.deleteAtHeight, BINS.spentExtraRecs] },
]

const IS_IN_NO_BLOCK: Filter = {
  compare: 'eq',
  left: {
    sum: [{ listSize: BINS.blockIds }, { listSize: BINS.blockHeights }, { listSize: BINS.subtreeIdxs }],
  },
  right: 0,
}

/**
 * The first block of a transaction that is unlocked and has outputs left to spend, as mostly. Nothing depends on the
 * record then: an operation that an expression decides costs a server twice what another does, and whole lists cost less
 * than elements of some.
 */
function firstBlockStatement(onLongestChain: boolean): WriteStatement {
  const list = (bin: string, value: Parameter): StatementOperation => ({
    kind: 'put',
    bin,
    value: { list: [value] },
  })
  return {
    name: 'set mined, first block',
    parameters: PARAMETERS,
    exists: 'update-only',
    filter: {
      and: [
        IS_IN_NO_BLOCK,
        ...IS_PLAIN,
        { compare: 'eq', left: { boolBin: BINS.locked }, right: false },
        // Also says that both counters are there.
        { compare: 'lt', left: SPENT, right: SPENDABLE },
      ],
    },
    operations: [
      list(BINS.blockIds, BLOCK_ID),
      list(BINS.blockHeights, BLOCK_HEIGHT),
      list(BINS.subtreeIdxs, SUBTREE_IDX),
      ...unsets(onLongestChain),
    ],
  }
}

/**
 * A block that the record does not have yet.
 *
 * @param pruned whether records are ever pruned
 */
function anyBlockStatement(onLongestChain: boolean, pruned: boolean): WriteStatement {
  const forbidding = onLongestChain ? [BINS.preserveUntil] : [BINS.preserveUntil, BINS.unminedSince]
  const isPrunable: Filter = {
    and: [{ compare: 'eq', left: SPENT, right: SPENDABLE }, { noneExists: forbidding }],
  }
  const deletion: StatementOperation = {
    kind: 'choose',
    bin: BINS.deleteAtHeight,
    cases: [{ when: isPrunable, result: DELETE_AT_HEIGHT }],
  }
  return {
    name: 'set mined, any block',
    parameters: PARAMETERS,
    exists: 'update-only',
    filter: {
      and: [
        { compare: 'eq', left: { listCount: BINS.blockIds, of: BLOCK_ID }, right: 0 },
        ...IS_PLAIN,
        // Also says that both counters are there.
        { compare: 'le', left: SPENT, right: SPENDABLE },
      ],
    },
    operations: [
      { kind: 'list-append', bin: BINS.blockIds, value: BLOCK_ID },
      { kind: 'list-append', bin: BINS.blockHeights, value: BLOCK_HEIGHT },
      { kind: 'list-append', bin: BINS.subtreeIdxs, value: SUBTREE_IDX },
      // Only what is `true` is a lock to lift.
      {
        kind: 'choose',
        bin: BINS.locked,
        cases: [{ when: { compare: 'eq', left: { boolBin: BINS.locked }, right: true }, result: false }],
      },
      ...unsets(onLongestChain),
      ...(pruned ? [deletion] : []),
      { kind: 'read', bin: BINS.blockIds },
    ],
  }
}

function unsets(onLongestChain: boolean): StatementOperation[] {
  const bins = onLongestChain ? [BINS.creating, BINS.unminedSince] : [BINS.creating]
  return bins.map(bin => ({ kind: 'unset', bin }))
}

/** They add a block as `setMined` does (semantics 2.4, 2.9, 2.10). */
function setMinedStatements(onLongestChain: boolean) {
  return {
    firstBlock: firstBlockStatement(onLongestChain),
    anyBlock: anyBlockStatement(onLongestChain, true),
    anyBlockKept: anyBlockStatement(onLongestChain, false),
  }
}

const STATEMENTS = { onLongestChain: setMinedStatements(true), onFork: setMinedStatements(false) }

/**
 * The filtered writes to try before `setMined`, one after the other; none where Lua is asked at once: by the settings,
 * and where a block is taken away, for a list does not tell an expression where in it an element stands in another.
 */
export function setMinedFiltered(
  context: StoreContext,
  info: MinedInfo,
): readonly FilteredFirst<Uint8Array>[] {
  const { set, retention, settings, filterYields } = context
  const { blockId, blockHeight, subtreeIdx, onLongestChain, unsetMined } = info
  if (unsetMined === true || !isFilteredFirst(context, settings.enableSetMinedFilterExpressions)) return []
  const { firstBlock, anyBlock, anyBlockKept } = onLongestChain
    ? STATEMENTS.onLongestChain
    : STATEMENTS.onFork
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
    {
      toRow: rowOf(firstBlock),
      udfBins: () => onlyBlock,
      filterYields: filterYields.setMinedFirstBlock,
    },
    {
      toRow: rowOf(retention === 0 ? anyBlockKept : anyBlock),
      udfBins: minedBins,
      filterYields: filterYields.setMinedAnyBlock,
    },
  ]
}

function minedBins(bins: Bins | undefined): Bins {
  return { SUCCESS: { status: 'OK', blockIDs: bins?.[BINS.blockIds] ?? null } }
}
