/** How the value of a setting is checked and shown. */
export type SettingKind =
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'milliseconds'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'choice'; readonly of: readonly string[] }

export interface SettingRow {
  /** The name in the reference system's configuration, accepted as a synonym; null where it has none. */
  readonly reference: string | null
  readonly kind: SettingKind
  readonly default: number | string
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

/**
 * Every setting of the store: the one place for its name, range, default and meaning (semantics 7; defaults are
 * the reference's). Settings of parts that are not built yet are not listed, so that setting one is refused
 * instead of ignored.
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
  storeBatcherSize: {
    reference: 'utxostore_storeBatcherSize',
    kind: count(1),
    default: 100,
    meaning: 'most creates in one batch',
  },
  storeBatcherDurationMillis: {
    reference: 'utxostore_storeBatcherDurationMillis',
    kind: milliseconds(0),
    default: 100,
    meaning: 'how long the first create of a batch waits for company',
  },
  getBatcherSize: {
    reference: 'utxostore_getBatcherSize',
    kind: count(1),
    default: 1,
    meaning: 'most reads in one batch',
  },
  getBatcherDurationMillis: {
    reference: 'utxostore_getBatcherDurationMillis',
    kind: milliseconds(0),
    default: 10,
    meaning: 'how long the first read of a batch waits for company',
  },
  spendBatcherSize: {
    reference: 'utxostore_spendBatcherSize',
    kind: count(1),
    default: 100,
    meaning: 'most inputs in one batch of spends',
  },
  spendBatcherDurationMillis: {
    reference: 'utxostore_spendBatcherDurationMillis',
    kind: milliseconds(0),
    default: 100,
    meaning: 'how long the first input of a batch of spends waits for company',
  },
  outpointBatcherSize: {
    reference: 'utxostore_outpointBatcherSize',
    kind: count(1),
    default: 100,
    meaning: 'most transactions in one batch of previous-output look-ups',
  },
  outpointBatcherDurationMillis: {
    reference: 'utxostore_outpointBatcherDurationMillis',
    kind: milliseconds(0),
    default: 10,
    meaning: 'how long the first look-up of previous outputs waits for company',
  },
  lockedBatcherSize: {
    reference: 'utxostore_lockedBatcherSize',
    kind: count(1),
    default: 1024,
    meaning: 'most lock changes in one batch',
  },
  lockedBatcherDurationMillis: {
    reference: 'utxostore_lockedBatcherDurationMillis',
    kind: milliseconds(0),
    default: 5,
    meaning: 'how long the first lock change of a batch waits for company',
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
    meaning: 'added to batchPolicyTotalTimeout to bound every wait; covers the time in the queue',
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
  connectTimeout: {
    reference: null,
    kind: milliseconds(1),
    default: 2_000,
    meaning: 'time of one attempt to connect; the npm client blocks the event loop meanwhile',
  },
  connectRetries: {
    reference: null,
    kind: count(0, 1000),
    default: 5,
    meaning: 'attempts to connect after the first, with a growing pause between them',
  },
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof SETTINGS
