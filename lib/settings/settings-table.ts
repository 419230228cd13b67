/** How the value of a setting is checked and shown. */
export type SettingKind =
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'milliseconds'; readonly minimum: number; readonly maximum: number }
  /** Any number, also a fraction. */
  | {
      readonly type: 'number'
      readonly minimum: number
      readonly maximum: number
      readonly takesNaN?: boolean
    }
  | { readonly type: 'boolean' }
  /** With `takesBoolean`, true is taken for `on` and false for `off`. */
  | { readonly type: 'choice'; readonly of: readonly string[]; readonly takesBoolean?: boolean }
  | { readonly type: 'text'; readonly bytesMax: number }

export interface SettingRow {
  /** The name in the reference system's configuration, accepted as a synonym; null where it has none. */
  readonly reference: string | null
  readonly kind: SettingKind
  readonly default: number | string | boolean
  readonly meaning: string
}

const UINT32_MAX = 2 ** 32 - 1
/** Node's timers fire at once beyond 2^31 milliseconds, and two settings may be added up. */
const TIMER_MS_MAX = 2 ** 30 - 1

const count = (minimum: number, maximum = 1_000_000): SettingKind => ({ type: 'integer', minimum, maximum })
const height = (minimum = 0): SettingKind => ({ type: 'integer', minimum, maximum: UINT32_MAX })
const milliseconds = (minimum: number): SettingKind => ({
  type: 'milliseconds',
  minimum,
  maximum: TIMER_MS_MAX,
})

type BatcherSettings<Pool extends string> = {
  readonly [Name in `${Pool}Batcher${'Size' | 'DurationMillis' | 'TickerIntervalMillis'}`]: SettingRow & {
    readonly kind: { readonly type: 'integer' | 'milliseconds' }
  }
} & {
  readonly [Name in `${Pool}Batcher${'DrainMode' | 'GreedyAccumulate'}`]: SettingRow & {
    readonly kind: { readonly type: 'boolean' }
  }
}

/** The settings that every batcher has (semantics 4.1). */
function batcherSettings<Pool extends string>(
  pool: Pool,
  { size, lingerMs, item }: { size: number; lingerMs: number; item: string },
): BatcherSettings<Pool> {
  const named = (name: string, kind: SettingKind, standard: SettingRow['default'], meaning: string) => [
    `${pool}Batcher${name}`,
    { reference: `utxostore_${pool}Batcher${name}`, kind, default: standard, meaning },
  ]
  return Object.fromEntries([
    named('Size', count(1), size, `most items in one batch; an item is one ${item}`),
    named(
      'DurationMillis',
      milliseconds(0),
      lingerMs,
      `how long the first ${item} of a batch waits for company`,
    ),
    named(
      'DrainMode',
      { type: 'boolean' },
      false,
      'sends what is queued at the end of a turn of the event loop',
    ),
    named(
      'GreedyAccumulate',
      { type: 'boolean' },
      false,
      'a batch that is due waits while more items keep coming',
    ),
    named(
      'TickerIntervalMillis',
      milliseconds(0),
      0,
      'sends at multiples of this time instead of after the first item’s wait; 0 is off; excludes drain mode',
    ),
  ]) as BatcherSettings<Pool>
}

/**
 * Every setting of the store: the one place for its name, range, default and meaning (semantics 7; defaults are
 * the reference's, and where one is not, its meaning says why).
 */
export const SETTINGS = {
  blockHeightRetention: {
    reference: 'global_blockHeightRetention',
    kind: height(),
    default: 288,
    meaning: 'blocks that a fully spent transaction is kept after its last change; 0 keeps it for ever',
  },
  blockHeightRetentionAdjustment: {
    reference: 'utxostore_blockHeightRetentionAdjustment',
    kind: { type: 'integer', minimum: -UINT32_MAX, maximum: UINT32_MAX },
    default: 0,
    meaning: 'added to blockHeightRetention; the sum is floored at 0',
  },
  utxoBatchSize: {
    reference: 'utxostore_utxoBatchSize',
    kind: { type: 'integer', minimum: 1, maximum: UINT32_MAX },
    default: 128,
    meaning:
      'outputs per record; part of the address of every output, so it must never change for a set with data',
  },
  externalizeAllTransactions: {
    reference: 'utxostore_externalizeAllTransactions',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'keeps the body of every transaction in the external store, not only large ones',
  },
  externalStoreConcurrency: {
    reference: 'utxostore_externalStoreConcurrency',
    kind: count(0),
    default: 16,
    meaning: 'transactions whose bodies are being written to the external store at a time; 0 is unlimited',
  },
  coinbaseMaturity: {
    reference: null,
    kind: height(),
    default: 100,
    meaning: 'blocks until a coinbase output can be spent',
  },
  genesisActivationHeight: {
    reference: null,
    kind: height(),
    default: 620_538,
    meaning:
      "height of the chain's genesis upgrade; from it on OP_RETURN and long scripts are stored as outputs",
  },
  ...batcherSettings('store', { size: 100, lingerMs: 100, item: 'create' }),
  ...batcherSettings('get', { size: 1, lingerMs: 10, item: 'read' }),
  ...batcherSettings('spend', { size: 100, lingerMs: 100, item: 'input of a spend' }),
  ...batcherSettings('outpoint', { size: 100, lingerMs: 10, item: 'look-up of previous outputs' }),
  ...batcherSettings('increment', { size: 256, lingerMs: 10, item: 'change of a count of spent pages' }),
  ...batcherSettings('setDAH', { size: 256, lingerMs: 10, item: 'delete-at-height of a page' }),
  ...batcherSettings('locked', { size: 1024, lingerMs: 5, item: 'lock change' }),
  batcherConcurrency: {
    reference: null,
    kind: { type: 'choice', of: ['adaptive', 'fixed'] },
    default: 'adaptive',
    meaning:
      'adaptive: the batches in flight follow the server’s latency, up to the limit of batcherMaxConcurrent; fixed: always up to that limit',
  },
  batcherMaxConcurrent: {
    reference: 'utxostore_batcherMaxConcurrent',
    kind: count(0),
    default: 64,
    meaning: 'batches in flight for each batcher; 0 is unlimited',
  },
  outpointBatcherMaxConcurrent: {
    reference: 'utxostore_outpointBatcherMaxConcurrent',
    kind: count(0),
    default: 0,
    meaning: 'batches in flight for the outpoint batcher; 0 takes batcherMaxConcurrent',
  },
  batcherQueueItemsMin: {
    reference: null,
    kind: count(1, 2 ** 31),
    default: 8192,
    meaning: 'a batcher queues up to 64 times its size, and at least this many items',
  },
  batcherWhenFull: {
    reference: null,
    kind: { type: 'choice', of: ['refuse', 'wait'] },
    default: 'refuse',
    meaning:
      'what a call does that finds the queue at its cap: fail with SERVICE_UNAVAILABLE, or wait for room',
  },
  batcherWaitGrace: {
    reference: null,
    kind: milliseconds(0),
    default: 30_000,
    meaning:
      'added to batchPolicyTotalTimeout and overloadRetryMaxElapsed to bound every wait; covers the time in the queue',
  },
  spendWaitTimeout: {
    reference: 'utxostore_spendWaitTimeout',
    kind: milliseconds(1),
    default: 30_000,
    meaning: 'the longest wait for all inputs of one spend',
  },
  spendRollbackTimeout: {
    reference: 'utxostore_spendRollbackTimeout',
    kind: milliseconds(1),
    default: 120_000,
    meaning: 'budget for undoing a failed spend, apart from the caller and from close',
  },
  spendCircuitBreakerFailureCount: {
    reference: 'utxostore_spendCircuitBreakerFailureCount',
    kind: count(0),
    default: 10,
    meaning: 'failures of the server in a row after which spends are refused without being sent; 0 is never',
  },
  spendCircuitBreakerCooldown: {
    reference: 'utxostore_spendCircuitBreakerCooldown',
    kind: milliseconds(0),
    default: 30_000,
    meaning: 'how long spends are refused before a few are let through as probes',
  },
  spendCircuitBreakerHalfOpenMax: {
    reference: 'utxostore_spendCircuitBreakerHalfOpenMax',
    kind: count(1),
    default: 4,
    meaning: 'probes that are let through, and answers to them after which all spends are',
  },
  enableSpendFilterExpressions: {
    reference: 'aerospike_enable_spend_filter_expressions',
    kind: { type: 'choice', of: ['auto', 'on', 'off'], takesBoolean: true },
    default: 'auto',
    meaning:
      'on: outputs of records without peculiarities are spent by filtered writes, and Lua is asked only where their conditions are not met, or while they are met by too few; off, the reference’s default: by Lua alone; auto: on with a transport that prepares such writes, for then they cost less than Lua, and more with the npm client',
  },
  enableSetMinedFilterExpressions: {
    reference: 'aerospike_enable_setmined_filter_expressions',
    kind: { type: 'choice', of: ['auto', 'on', 'off'], takesBoolean: true },
    default: 'auto',
    meaning: 'the same for setMinedMulti',
  },
  enablePreserveFilterExpressions: {
    reference: 'aerospike_enable_preserve_filter_expressions',
    kind: { type: 'boolean' },
    default: false,
    meaning:
      'the same for preserveTransactions, true or false; one that is not at risk costs a second trip then',
  },
  useSeparateUdfMinedModule: {
    reference: 'aerospike_use_separate_udf_mined_module',
    kind: { type: 'boolean' },
    default: false,
    meaning:
      'the UDF module is registered a second time, for setMinedMulti alone, whose calls then do not contend with others for the server’s Lua states',
  },
  separateUdfSpendModuleCount: {
    reference: 'aerospike_separate_udf_spend_module_count',
    kind: count(0, 255),
    default: 0,
    meaning:
      'further copies of the UDF module, over which spends are spread by the first byte of the txid that they spend from; 0 is none',
  },
  semaphoreMultiplier: {
    reference: 'aerospike_semaphore_multiplier',
    kind: { type: 'number', minimum: -1_000_000, maximum: 1_000_000, takesNaN: true },
    default: 1,
    meaning:
      'times ConnectionQueueSize gives the batches in flight of the whole store, from 1 to 2^20; 0 or less, or NaN, is no limit',
  },
  overloadRetryMaxElapsed: {
    reference: 'aerospike_overload_retry_max_elapsed',
    kind: milliseconds(0),
    default: 120_000,
    meaning:
      'how long rows that a server refused for load are sent again, per batch; 0 never sends them again',
  },
  overloadRetryBase: {
    reference: 'aerospike_overload_retry_base',
    kind: milliseconds(1),
    default: 50,
    meaning: 'pause before the first of these attempts; it doubles from one to the next',
  },
  overloadRetryMax: {
    reference: 'aerospike_overload_retry_max',
    kind: milliseconds(1),
    default: 5_000,
    meaning: 'the longest of these pauses',
  },
  maxMinedBatchSize: {
    reference: 'utxostore_maxMinedBatchSize',
    kind: count(1),
    default: 1024,
    meaning: 'rows in one batch of operations on lists: setMinedMulti, unspend, batchDecorate',
  },
  maxMinedRoutines: {
    reference: 'utxostore_maxMinedRoutines',
    kind: count(1),
    default: 128,
    meaning: 'batches in flight for one call of an operation on a list',
  },
  useExternalTxCache: {
    reference: 'utxostore_useExternalTxCache',
    kind: { type: 'boolean' },
    default: true,
    meaning: 'keeps bodies read from the external store, and outputs looked up in them, for 10 seconds',
  },
  externalTxCacheMaxItems: {
    reference: 'utxostore_externalTxCacheMaxItems',
    kind: count(0),
    default: 10_000,
    meaning: 'most transactions in each of these two caches; 0 is no limit but that of their bytes',
  },
  externalTxCacheMaxBytes: {
    reference: null,
    kind: count(0, Number.MAX_SAFE_INTEGER),
    default: 128 * 1024 * 1024,
    meaning: 'most bytes in each of these two caches; a larger body is not kept',
  },
  conflictingChildrenMaxNodes: {
    reference: 'utxostore_conflictingChildrenMaxNodes',
    kind: count(0, 2 ** 31),
    default: 100_000,
    meaning:
      'most transactions that one walk over conflicting children visits before it fails; 0 is unlimited',
  },
  propagateConflictingToPages: {
    reference: null,
    kind: { type: 'choice', of: ['off', 'on'] },
    default: 'off',
    meaning:
      'on: a conflicting transaction is marked on its pages, too; only for a set that no reference node shares, for such a node lifts the mark on the master alone',
  },
  freezeMode: {
    reference: null,
    kind: { type: 'choice', of: ['records', 'sentinel'] },
    default: 'records',
    meaning:
      'records: freezes are written with their windows; sentinel: an output is only marked as frozen, for a set shared with nodes that do not know freeze records',
  },
  reassignedUtxoSpendableAfterBlocks: {
    reference: 'utxostore_reassignedUtxoSpendableAfterBlocks',
    kind: height(),
    default: 1_000,
    meaning: 'blocks until a reassigned output can be spent; the reference always takes 1000',
  },
  unminedTxRetention: {
    reference: 'utxostore_unminedTxRetention',
    kind: height(),
    default: 144,
    meaning: 'blocks after which an unmined transaction counts as old',
  },
  parentPreservationBlocks: {
    reference: 'utxostore_parentPreservationBlocks',
    kind: height(),
    default: 1_440,
    meaning: 'blocks that a run of the pruner keeps the parents of old unmined transactions',
  },
  disableDAHCleaner: {
    reference: 'utxostore_disableDAHCleaner',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'prune does nothing',
  },
  prunerIndexName: {
    reference: 'pruner_IndexName',
    kind: { type: 'text', bytesMax: 63 },
    default: 'pruner_dah_index',
    meaning: 'name of the index on delete-at-heights, where it has to be created',
  },
  prunerUtxoChunkSize: {
    reference: 'pruner_utxoChunkSize',
    kind: count(1),
    default: 1_000,
    meaning: 'records that the pruner works on together',
  },
  prunerUtxoChunkGroupLimit: {
    reference: 'pruner_utxoChunkGroupLimit',
    kind: count(1),
    default: 10,
    meaning: 'such chunks in work at a time, for each query of the pruner',
  },
  prunerUtxoPartitionQueries: {
    reference: 'pruner_utxoPartitionQueries',
    kind: count(0, 4096),
    default: 0,
    meaning:
      'queries of the pruner or of a walk side by side, each over its own partitions, 16 at the most; 0 follows processors and server',
  },
  prunerConnectionPoolWarningThreshold: {
    reference: 'pruner_connectionPoolWarningThreshold',
    kind: { type: 'number', minimum: 0, maximum: 1 },
    default: 0.7,
    meaning:
      'share of ConnectionQueueSize that the pruner may take; prunerUtxoChunkGroupLimit is lowered to fit',
  },
  prunerUtxoDefensiveEnabled: {
    reference: 'pruner_utxoDefensiveEnabled',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'before a transaction is pruned its spenders are read: all must be mined deep enough, or pruned',
  },
  prunerUtxoDefensiveBatchReadSize: {
    reference: 'pruner_utxoDefensiveBatchReadSize',
    kind: count(1),
    default: 10_000,
    meaning: 'spenders in one of these reads',
  },
  prunerUtxoSetTTL: {
    reference: 'pruner_utxoSetTTL',
    kind: { type: 'boolean' },
    default: false,
    meaning:
      'records get a time to live of 1 s instead of being removed; those with pages or an external body are removed all the same',
  },
  prunerBlockTrigger: {
    reference: 'pruner_block_trigger',
    kind: { type: 'choice', of: ['OnBlockPersisted', 'OnBlockMined'] },
    default: 'OnBlockPersisted',
    meaning:
      'what a block has to have come to for the pruner to run: prune does nothing for a caller that names the other one as its trigger',
  },
  prunerSkipDuringCatchup: {
    reference: 'pruner_skipDuringCatchup',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'prune does nothing for a caller that says it is catching up with the chain',
  },
  prunerSkipParentUpdates: {
    reference: 'pruner_skipParentUpdates',
    kind: { type: 'boolean' },
    default: false,
    meaning:
      'parents are not told of their pruned spenders: a replay of one is then taken for a repeated spend',
  },
  prunerSkipDeletions: {
    reference: 'pruner_skipDeletions',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'the pruner changes no record: it only counts what it would remove, as skipped',
  },
  prunerRelaxRemovalCommitLevel: {
    reference: 'pruner_relaxRemovalCommitLevel',
    kind: { type: 'boolean' },
    default: false,
    meaning: 'removals are answered by the master copy alone',
  },
  prunerJobTimeout: {
    reference: 'pruner_jobTimeout',
    kind: milliseconds(1),
    default: 600_000,
    meaning: 'after this a run of the pruner begins no further chunk and says that it timed out',
  },
  prunerBlobDeletionSafetyWindow: {
    reference: 'pruner_blobDeletionSafetyWindow',
    kind: height(),
    default: 0,
    meaning:
      'blocks that the external body of a pruned transaction is kept; a run at that height removes it, and counts it as left until then; 0 removes it with its record. 10 in the reference, for a service of its own',
  },
  prunerBlobDeletionBatchSize: {
    reference: null,
    kind: count(1),
    default: 1_000,
    meaning: 'interrupted removals that a run of the pruner completes together',
  },
  prunerBlobDeletionRetries: {
    reference: null,
    kind: count(0, 1000),
    default: 3,
    meaning: 'attempts to remove an external body after the first, before it is left to the next run',
  },
  txMetaCacheMaxMB: {
    reference: 'txMetaCacheMaxMB',
    kind: count(1, 2 ** 20),
    default: 256,
    meaning: 'memory of a CachedUtxoStore before the store, in megabytes, where its maker does not say',
  },
  assetConcurrencySubtreeDataCreate: {
    reference: 'asset_concurrency_subtree_data_create',
    kind: count(0),
    default: 4,
    meaning:
      'data files that a SubtreeDataService on the store builds at a time, where its maker does not say; 0 is unlimited',
  },
  dbTimeoutDuration: {
    reference: 'utxostore_dbTimeoutDuration',
    kind: milliseconds(1),
    default: 5_000,
    meaning: 'total time of a single operation outside the batchers: delete, health, administration',
  },
  batchPolicyTotalTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 64_000,
    meaning: 'total time of one batch, retries included',
  },
  batchPolicySocketTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 10_000,
    meaning: 'time of one attempt of a batch on one socket',
  },
  batchPolicyMaxRetries: {
    reference: null,
    kind: count(0, 1000),
    default: 5,
    meaning: 'attempts of a batch after the first',
  },
  batchPolicySleepBetweenRetries: {
    reference: null,
    kind: milliseconds(0),
    default: 500,
    meaning:
      'the longest pause before one of these attempts, where a node could not be reached: it doubles from 20 ms up to it; 0 is none. The npm client makes none',
  },
  queryPolicyTotalTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 1_800_000,
    meaning: 'total time of one slice of a query, retries included',
  },
  queryPolicySocketTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 1_500_000,
    meaning: 'time of one attempt of a slice on one socket; never longer than queryIdleTimeoutSeconds',
  },
  queryPolicyMaxRetries: {
    reference: null,
    kind: count(0, 1000),
    default: 3,
    meaning: 'attempts of a slice of a query after the first',
  },
  queryIdleTimeoutSeconds: {
    reference: 'utxostore_queryIdleTimeoutSeconds',
    kind: count(1, 1_000_000),
    default: 60,
    meaning: 'seconds without a record after which a query fails instead of hanging',
  },
  verboseDebug: {
    reference: 'utxostore_verboseDebug',
    kind: { type: 'boolean' },
    default: false,
    meaning:
      'each batch of a batcher, and each that goes to the server, is logged at debug when it has ended: rows, milliseconds, failures',
  },
  connectTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 2_000,
    meaning: 'time of one attempt to connect; the npm client blocks the event loop meanwhile',
  },
  transport: {
    reference: null,
    kind: { type: 'choice', of: ['auto', 'wire', 'client'] },
    default: 'auto',
    meaning:
      'what carries the batches: wire, this library’s own encoder; client, the npm client; auto, wire where the cluster allows it. The store URL can say it, too, and comes first',
  },
  connectRetries: {
    reference: null,
    kind: count(0, 1000),
    default: 5,
    meaning: 'attempts to connect after the first, with a growing pause between them',
  },
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof SETTINGS
