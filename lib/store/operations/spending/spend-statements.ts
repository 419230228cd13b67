import { BINS } from '../../../record/index.ts'
import type { Filter, FilterValue, StatementOperation, WriteStatement } from '../../../transport/index.ts'

/** Places of the arguments of the statements here. */
const OFFSET = { parameter: 0 }
const UTXO_HASH = { parameter: 1 }
const SPENDING_DATA = { parameter: 2 }
const DELETE_AT_HEIGHT = { parameter: 3 }

const isFalse = (bin: string): Filter => ({ compare: 'eq', left: { boolBin: bin }, right: false })

/**
 * Unspent: by the whole slot, for spent and frozen ones are longer. It is no part of the filter, which without it is the
 * same for all rows of a statement, so that a transport can send it once for all of them.
 */
const IS_UNSPENT: Filter = {
  compare: 'eq',
  left: { listBlob: BINS.utxos, index: OFFSET },
  right: UTXO_HASH,
}

/**
 * Bins that are on few records with an unspent output, and with which lua/utxo/spend.lua takes another path than the
 * plain one: it refuses, judges a freeze, or may take a delete-at-height back. Each costs the server a third of a
 * microsecond, so there are no others: without `freezeFrom` the other bins of a freeze are never looked at.
 */
const IS_PLAIN: Filter = {
  noneExists: [
    BINS.creating,
    BINS.spendingHeight,
    BINS.freezeFrom,
    BINS.spendableIn,
    BINS.deleteAtHeight,
    BINS.spentExtraRecs,
  ],
}

const SPENT: FilterValue = { intBin: BINS.spentUtxos }
const SPENDABLE: FilterValue = { intBin: BINS.recordUtxos }

/** Counts the spend of an unspent output, and refuses that of any other. */
const COUNT_UNSPENT: StatementOperation = {
  kind: 'choose',
  bin: BINS.spentUtxos,
  cases: [{ when: IS_UNSPENT, result: { sum: [SPENT, 1] } }],
  otherwise: 'refuse',
}

/**
 * Nothing is left to be done on other records: the transaction has no pages, or this record of it, master or page,
 * keeps another unspent output, and has not said before that it was all spent, so that neither has anything to signal.
 */
const IS_WITHOUT_SIGNAL: Filter = {
  or: [
    {
      and: [
        { compare: 'eq', left: { intBin: BINS.totalExtraRecs }, right: 0 },
        { compare: 'lt', left: SPENT, right: SPENDABLE },
      ],
    },
    {
      and: [
        { compare: 'lt', left: { sum: [SPENT, 1] }, right: SPENDABLE },
        { noneExists: [BINS.lastSpentState] },
      ],
    },
  ],
}

/**
 * What is left of the rule in lua/utxo/delete_at_height.lua for a record that meets the filter: one that is all spent
 * now is a transaction without pages.
 */
const IS_PRUNABLE: Filter = {
  and: [
    { compare: 'eq', left: SPENT, right: SPENDABLE },
    { noneExists: [BINS.unminedSince, BINS.preserveUntil] },
    { compare: 'gt', left: { listSize: BINS.blockIds }, right: 0 },
  ],
}

/** After the spend was counted. A record that meets the filter has none yet, so there is none to keep or to take. */
const SET_DELETE_AT_HEIGHT: StatementOperation = {
  kind: 'choose',
  bin: BINS.deleteAtHeight,
  cases: [{ when: IS_PRUNABLE, result: DELETE_AT_HEIGHT }],
}

/** One unspent output of the records on which `spendMulti` has nothing to decide (semantics 2.2, 2.9, 2.10). */
function spendStatement({ lockedToo, pruned }: { lockedToo: boolean; pruned: boolean }): WriteStatement {
  const unlocked = lockedToo ? [] : [isFalse(BINS.locked)]
  return {
    name: lockedToo ? 'spend, locked or not' : 'spend',
    parameters: [{ type: 'int' }, { type: 'blob', bytes: 32 }, { type: 'blob', bytes: 36 }, { type: 'int' }],
    exists: 'update-only',
    filter: { and: [...unlocked, isFalse(BINS.conflicting), IS_PLAIN, IS_WITHOUT_SIGNAL] },
    operations: [
      COUNT_UNSPENT,
      { kind: 'list-set', bin: BINS.utxos, index: OFFSET, value: { joined: [UTXO_HASH, SPENDING_DATA] } },
      ...(pruned ? [SET_DELETE_AT_HEIGHT] : []),
    ],
  }
}

/**
 * By what a spend may pass over and whether records are ever pruned. Arguments: the slot's offset, the output's
 * hash, the spending data, and the delete-at-height for a record that is all spent now.
 */
const STATEMENTS = {
  unlocked: {
    pruned: spendStatement({ lockedToo: false, pruned: true }),
    kept: spendStatement({ lockedToo: false, pruned: false }),
  },
  lockedToo: {
    pruned: spendStatement({ lockedToo: true, pruned: true }),
    kept: spendStatement({ lockedToo: true, pruned: false }),
  },
}

/** The statement for spends with these flags; nothing is ever pruned where the retention is 0. */
export function statementOf(ignoreLocked: boolean, retention: number): WriteStatement {
  const { pruned, kept } = ignoreLocked ? STATEMENTS.lockedToo : STATEMENTS.unlocked
  return retention === 0 ? kept : pruned
}
