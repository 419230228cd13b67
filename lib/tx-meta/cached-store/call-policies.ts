import type { TxidInput, UtxoStore } from '../../store/index.ts'

/** What every public member of the store is: a decorator has to have all of them. */
export type StoreSurface = Pick<UtxoStore, keyof UtxoStore>

/**
 * What a call means for the cache. `passes`: it changes nothing that is cached. A function names the transactions
 * that it changes: they are removed when it has ended, also when it failed. `own`: `CachedUtxoStore` has a method
 * of its own for it.
 */
export type CallPolicy<Member> = Member extends (...args: infer Args) => unknown
  ? 'passes' | 'own' | ((...args: Args) => Iterable<TxidInput>)
  : 'own'

const txidsOf = (items: readonly { readonly txid: TxidInput }[]): TxidInput[] => items.map(({ txid }) => txid)

/**
 * Every public member of the store (semantics 9.1.1). A new one does not compile before somebody has decided here
 * what it means for the cache.
 */
export const CALL_POLICIES = {
  // Reads. Bodies, blocks, slots and freezes are never cached: only the store knows them.
  get: 'passes',
  getMeta: 'own',
  batchDecorate: 'own',
  previousOutputsDecorate: 'passes',
  batchPreviousOutputsDecorate: 'passes',
  getSpend: 'passes',
  getFreezeRecords: 'passes',
  getConflictingChildren: 'passes',
  getCounterConflicting: 'passes',
  pendingConflictIntents: 'passes',
  queryOldUnminedTransactions: 'passes',
  unminedTransactions: 'passes',
  conflictingTransactions: 'passes',
  inconsistentTransactions: 'passes',

  // Creation and removal.
  create: 'own',
  createPartial: txid => [txid],
  spendAndCreate: 'own',
  delete: txid => [txid],
  deleteComplete: txid => [txid],

  // Spends change slots; with `markAsLocked` also the flags of those that have the outputs.
  spend: 'passes',
  unspend: (spends, options) => (options?.markAsLocked ? txidsOf(spends) : []),

  // Flags.
  setLocked: txids => txids,
  setConflicting: txids => txids,
  freezeUtxos: outputs => txidsOf(outputs),
  unfreezeUtxos: outputs => txidsOf(outputs),
  reassignUtxo: output => [output.txid],
  getAndLockChildren: 'own',
  processConflicting: 'own',
  recoverConflicts: 'own',
  removeFromConflictingChildren: 'passes',
  discardConflictIntent: 'passes',

  // Blocks.
  setMinedMulti: txids => txids,
  markTransactionsOnLongestChain: txids => txids,

  // Pruning takes what is mined or conflicting and old: neither is cached, and an entry does not grow that old.
  prune: 'passes',
  preserveTransactions: 'passes',
  processExpiredPreservations: 'passes',
  incrementSpentRecords: 'passes',
  setDeleteAtHeightForChildRecords: 'passes',

  // The store itself.
  transport: 'own',
  transportChoice: 'own',
  settings: 'own',
  blockState: 'own',
  setBlockState: 'passes',
  health: 'passes',
  close: 'own',
  [Symbol.asyncDispose]: 'own',
} as const satisfies { readonly [Name in keyof StoreSurface]: CallPolicy<StoreSurface[Name]> }

type Policies = typeof CALL_POLICIES

/** The calls that the table says everything about. */
export type TableCall = {
  [Name in keyof Policies]: Policies[Name] extends 'own' ? never : Name
}[keyof Policies]
