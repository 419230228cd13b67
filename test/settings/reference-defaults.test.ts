import { expect, it } from '@jest/globals'
import { resolveSettings, SETTINGS, type SettingsInput } from '../../lib/settings/index.ts'
import type { SettingRow } from '../../lib/settings/settings-table.ts'

const SWITCHES = { DrainMode: false, GreedyAccumulate: false, TickerIntervalMillis: 0 }

function batcher(pool: string, size: number, lingerMs: number): [string, SettingRow['default']][] {
  const own = { Size: size, DurationMillis: lingerMs, ...SWITCHES }
  return Object.entries(own).map(([name, value]) => [`utxostore_${pool}Batcher${name}`, value])
}

/** The defaults of semantics 7, under the reference's names. */
const DEFAULTS = new Map<string, SettingRow['default']>([
  ['global_blockHeightRetention', 288],
  ['utxostore_blockHeightRetentionAdjustment', 0],
  ['utxostore_unminedTxRetention', 144],
  ['utxostore_parentPreservationBlocks', 1_440],
  ['utxostore_utxoBatchSize', 128],
  ...batcher('store', 100, 100),
  ...batcher('get', 1, 10),
  ...batcher('spend', 100, 100),
  ...batcher('outpoint', 100, 10),
  ...batcher('increment', 256, 10),
  ...batcher('setDAH', 256, 10),
  ...batcher('locked', 1_024, 5),
  ['utxostore_batcherMaxConcurrent', 64],
  ['utxostore_outpointBatcherMaxConcurrent', 0],
  ['utxostore_spendWaitTimeout', 30_000],
  ['utxostore_spendRollbackTimeout', 120_000],
  ['utxostore_spendCircuitBreakerFailureCount', 10],
  ['utxostore_spendCircuitBreakerCooldown', 30_000],
  ['utxostore_spendCircuitBreakerHalfOpenMax', 4],
  ['utxostore_dbTimeoutDuration', 5_000],
  ['utxostore_useExternalTxCache', true],
  // Open in the specification.
  ['utxostore_externalTxCacheMaxItems', 10_000],
  ['utxostore_externalizeAllTransactions', false],
  ['utxostore_externalStoreConcurrency', 16],
  ['utxostore_maxMinedRoutines', 128],
  ['utxostore_maxMinedBatchSize', 1_024],
  ['utxostore_queryIdleTimeoutSeconds', 60],
  ['utxostore_conflictingChildrenMaxNodes', 100_000],
  ['utxostore_disableDAHCleaner', false],
  ['utxostore_reassignedUtxoSpendableAfterBlocks', 1_000],
  ['utxostore_verboseDebug', false],
  // The reference has false for these two; docs/settings.md says why they are not off here.
  ['aerospike_enable_spend_filter_expressions', 'auto'],
  ['aerospike_enable_setmined_filter_expressions', 'auto'],
  ['aerospike_enable_preserve_filter_expressions', false],
  ['aerospike_use_separate_udf_mined_module', false],
  ['aerospike_separate_udf_spend_module_count', 0],
  ['aerospike_semaphore_multiplier', 1],
  ['aerospike_overload_retry_max_elapsed', 120_000],
  ['aerospike_overload_retry_base', 50],
  ['aerospike_overload_retry_max', 5_000],
  ['pruner_IndexName', 'pruner_dah_index'],
  ['pruner_utxoChunkSize', 1_000],
  ['pruner_utxoChunkGroupLimit', 10],
  ['pruner_utxoPartitionQueries', 0],
  ['pruner_utxoDefensiveEnabled', false],
  ['pruner_utxoDefensiveBatchReadSize', 10_000],
  ['pruner_connectionPoolWarningThreshold', 0.7],
  ['pruner_utxoSetTTL', false],
  ['pruner_skipDuringCatchup', false],
  ['pruner_skipParentUpdates', false],
  ['pruner_skipDeletions', false],
  ['pruner_relaxRemovalCommitLevel', false],
  ['pruner_block_trigger', 'OnBlockPersisted'],
  ['pruner_jobTimeout', 600_000],
  // The reference's 10 are for a service of its own; its pruner takes a body with its record (semantics 5.1, 5.2).
  ['pruner_blobDeletionSafetyWindow', 0],
  ['txMetaCacheMaxMB', 256],
  ['asset_concurrency_subtree_data_create', 4],
])

it('every setting of the reference is there, with its default', () => {
  const rows: SettingRow[] = Object.values(SETTINGS)
  const own = new Map(
    rows.flatMap(({ reference, default: standard }) => (reference === null ? [] : [[reference, standard]])),
  )
  expect(own).toEqual(DEFAULTS)
})

it.each([...DEFAULTS])('%s is taken with the value that the reference has', (name, value) => {
  expect(resolveSettings({ [name]: value } as SettingsInput)).toEqual(resolveSettings())
})
