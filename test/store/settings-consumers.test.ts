import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { type SubtreeDataOptions, serviceLimits } from '../../lib/asset/service-options.ts'
import { Batcher, GradientLimit, promised } from '../../lib/batching/index.ts'
import { encodeTransaction, parseTransaction } from '../../lib/bitcoin/index.ts'
import { StoreError } from '../../lib/errors/index.ts'
import { binValue, encodeSpendingData } from '../../lib/record/index.ts'
import {
  parseStoreUrl,
  resolveSettings,
  SETTINGS,
  type Settings,
  type SettingsInput,
} from '../../lib/settings/index.ts'
import type { SettingName, SettingRow } from '../../lib/settings/settings-table.ts'
import { PackedOutputs } from '../../lib/store/bodies/packed-outputs.ts'
import { type Batchers, batcherOptions, createBatchers } from '../../lib/store/calls/batchers.ts'
import type { CircuitBreaker } from '../../lib/store/context/circuit-breaker.ts'
import type { StoreContext } from '../../lib/store/context/store-context.ts'
import { mapChunks } from '../../lib/store/dispatch/map-chunks.ts'
import {
  administrationOptions,
  connectionOptions,
  connectionPermits,
  overloadRetryOptions,
  queriesOptions,
  transportOptions,
  wantedTransport,
  wireTransportOptions,
} from '../../lib/store/opening/client-options.ts'
import {
  conflictingChildren,
  WalkLimitError,
} from '../../lib/store/operations/conflicts/conflicting-children.ts'
import { markConflicting } from '../../lib/store/operations/conflicts/set-conflicting.ts'
import { withExternalPlace } from '../../lib/store/operations/creation/creation.ts'
import { wholeTransaction } from '../../lib/store/operations/creation/whole-transaction.ts'
import { checkWindow, reassignUtxo } from '../../lib/store/operations/freezing/freeze.ts'
import { markTransactionsOnLongestChain } from '../../lib/store/operations/mining/mark-longest-chain.ts'
import { setMinedMulti } from '../../lib/store/operations/mining/set-mined.ts'
import { deleteTransaction } from '../../lib/store/operations/pruning/delete.ts'
import { preserveTransactions } from '../../lib/store/operations/pruning/preserve.ts'
import { queryOldUnminedTransactions } from '../../lib/store/operations/pruning/unmined.ts'
import { type Spend, spend } from '../../lib/store/operations/spending/spend.ts'
import { type SpendRequest, spendHandler } from '../../lib/store/operations/spending/spend-dispatch.ts'
import { rollBack } from '../../lib/store/operations/spending/spend-rollback.ts'
import type { UtxoStore } from '../../lib/store/utxo-store.ts'
import type { BatchOptions, BatchRow, Queries, QueryOptions } from '../../lib/transport/index.ts'
import { CachedUtxoStore } from '../../lib/tx-meta/cached-store/cached-utxo-store.ts'
import { otherValue } from '../settings/other-value.ts'
import { handled } from './support/handled.ts'
import { prunerConsumers } from './support/pruner-consumers.ts'
import { recordingLogger } from './support/recording-logger.ts'
import {
  bytes32,
  contextWith,
  ScriptedTransport,
  scriptedQueries,
  udfAnswer,
} from './support/store-fixture.ts'

afterEach(() => {
  jest.restoreAllMocks()
})

const url = parseStoreUrl('aerospike://h:3000/ns?externalStore=memory:&ConnectionQueueSize=100')
const answerOk = (): ScriptedTransport =>
  new ScriptedTransport(row =>
    row.kind === 'apply' ? udfAnswer({ status: 'OK' }) : { bins: { utxos: [bytes32(2)] } },
  )

/** A context with these settings whose transport says yes to everything. */
function contextOf(settings: Settings): { context: StoreContext; transport: ScriptedTransport } {
  const transport = answerOk()
  return { context: contextWith(transport, settings), transport }
}

const minedInfo = { blockId: 1, blockHeight: 1_000, subtreeIdx: 0, onLongestChain: true }

/** The UDF module that each call went to. */
const modulesOf = (transport: ScriptedTransport): string[] =>
  transport.batches.flat().flatMap(row => (row.kind === 'apply' ? row.module : []))

const spendRequest = (vout: number): SpendRequest => ({
  txid: bytes32(1),
  vout,
  utxoHash: bytes32(2),
  spendingData: encodeSpendingData({ txid: bytes32(3), vin: vout }),
  blockHeight: 1_000,
  flags: {
    ignoreConflicting: false,
    ignoreLocked: false,
    ignorePolicyFreeze: false,
    ignoreConsensusFreeze: false,
  },
})

const coinbase = parseTransaction(
  encodeTransaction({
    version: 1,
    locktime: 0,
    inputs: [
      {
        previousTxid: new Uint8Array(32),
        previousVout: 0xffffffff,
        unlockingScript: Uint8Array.of(1),
        sequence: 0,
        previousSatoshis: undefined,
        previousLockingScript: undefined,
      },
    ],
    // OP_RETURN: a spendable output from the genesis upgrade on.
    outputs: [{ satoshis: 1n, lockingScript: Uint8Array.of(0x6a) }],
  }),
)

/** A bin of the record that a coinbase of a height gets. */
function createdBin(settings: Settings, height: number, bin: string): unknown {
  const creation = wholeTransaction(contextOf(settings).context, coinbase, height, {})
  return binValue(creation.records.master(), bin)
}

/** The options of the first batch that some work sends. */
async function batchOptions(
  settings: Settings,
  work: (context: StoreContext) => Promise<unknown>,
): Promise<BatchOptions | undefined> {
  const seen: BatchOptions[] = []
  const good = answerOk()
  const context = contextWith(
    {
      batchOperate: (rows: readonly BatchRow[], options: BatchOptions) => {
        seen.push(options)
        return good.batchOperate(rows)
      },
    },
    settings,
  )
  await work(context)
  return seen[0]
}

function opened({ spendBreaker }: { spendBreaker: CircuitBreaker }): number {
  let failures = 0
  for (; spendBreaker.state === 'closed' && failures < 1_000; failures++) {
    const admission = spendBreaker.admit()
    if (admission !== undefined) spendBreaker.report([admission], 'failed')
  }
  return failures
}

interface Consumer {
  /** A value other than the default; a valid one near the minimum where absent. */
  readonly value?: number | string | boolean
  /** Settings that make it visible. */
  readonly beside?: SettingsInput
  /** What its consumer makes of it: the value itself, or what `expected` says. */
  observe(settings: Settings): unknown
  readonly expected?: unknown
}

const POOLS = ['store', 'get', 'spend', 'outpoint', 'increment', 'setDAH', 'locked'] as const

type BatcherSetting = Extract<
  SettingName,
  `${(typeof POOLS)[number]}Batcher${'Size' | 'DurationMillis' | 'DrainMode' | 'GreedyAccumulate' | 'TickerIntervalMillis'}`
>

function batcherConsumers(): Record<BatcherSetting, Consumer> {
  const option = (name: keyof ReturnType<typeof batcherOptions>, pool: keyof Batchers): Consumer => ({
    observe: settings => batcherOptions(pool, contextOf(settings).context)[name],
  })
  return Object.fromEntries(
    POOLS.flatMap(pool => [
      [`${pool}BatcherSize`, option('size', pool)],
      [`${pool}BatcherDurationMillis`, option('lingerMs', pool)],
      [`${pool}BatcherDrainMode`, option('drainMode', pool)],
      [`${pool}BatcherGreedyAccumulate`, option('greedyAccumulate', pool)],
      [`${pool}BatcherTickerIntervalMillis`, option('tickIntervalMs', pool)],
    ]),
  ) as Record<BatcherSetting, Consumer>
}

const limitOf = (pool: keyof Batchers, settings: Settings): unknown => {
  const { concurrency } = batcherOptions(pool, contextOf(settings).context)
  return typeof concurrency === 'object' ? concurrency.limit : concurrency
}

const packed = (count: number): PackedOutputs =>
  new PackedOutputs(Array.from({ length: count }, () => ({ satoshis: 1n, lockingScript: Uint8Array.of(1) })))

/** Where each setting ends up. A setting without an entry has no proof that anybody reads it. */
const CONSUMERS: Record<string, Consumer> = {
  ...batcherConsumers(),
  blockHeightRetention: { observe: settings => contextOf(settings).context.retention },
  blockHeightRetentionAdjustment: {
    value: 7,
    observe: settings => contextOf(settings).context.retention - SETTINGS.blockHeightRetention.default,
  },
  utxoBatchSize: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await handled(spendHandler(context), [1, 2, 3].map(spendRequest))
      const pages = transport.batches.flat().map(row => row.key.userKey.length > 32)
      return pages.indexOf(true) + 1
    },
    expected: 2,
  },
  externalizeAllTransactions: {
    observe: settings => wholeTransaction(contextOf(settings).context, coinbase, 1, {}).body !== undefined,
  },
  externalStoreConcurrency: {
    async observe(settings) {
      const { context } = contextOf(settings)
      let writers = 0
      const ended: Promise<void>[] = []
      let end = (): void => {}
      const gate = new Promise<void>(resolve => {
        end = resolve
      })
      for (let n = 0; n < 5; n++) {
        ended.push(
          withExternalPlace(context, undefined, () => {
            writers += 1
            return gate
          }),
        )
      }
      await new Promise(setImmediate)
      const most = writers
      end()
      await Promise.all(ended)
      return most
    },
  },
  coinbaseMaturity: {
    observe: settings => Number(createdBin(settings, 1_000, 'spendingHeight')) - 1_000,
  },
  genesisActivationHeight: {
    observe: settings =>
      [0, 1].map(height => (createdBin(settings, height, 'utxos') as readonly unknown[])[0] !== null),
    expected: [false, true],
  },
  batcherConcurrency: {
    observe: settings =>
      batcherOptions('get', contextOf(settings).context).concurrency instanceof GradientLimit
        ? 'adaptive'
        : 'fixed',
  },
  batcherMaxConcurrent: {
    beside: { batcherConcurrency: 'fixed' },
    observe: settings => limitOf('get', settings),
  },
  outpointBatcherMaxConcurrent: {
    beside: { batcherConcurrency: 'fixed' },
    observe: settings => limitOf('outpoint', settings),
  },
  batcherQueueItemsMin: {
    value: 100_000,
    observe: settings => batcherOptions('get', contextOf(settings).context).queueItemsMax,
  },
  batcherWhenFull: { observe: settings => batcherOptions('get', contextOf(settings).context).whenFull },
  batcherWaitGrace: {
    beside: { batchPolicyTotalTimeout: 100, overloadRetryMaxElapsed: 0 },
    observe: settings => contextOf(settings).context.waitMs - 100,
  },
  spendWaitTimeout: {
    async observe(settings) {
      const { context } = contextOf(settings)
      const batcher = new Batcher(batcherOptions('spend', context), spendHandler(context))
      const submitGroupTo = jest.spyOn(batcher, 'submitGroupTo')
      await promised<Spend[]>(end => spend(context, batcher, coinbase, [], end, undefined))
      return submitGroupTo.mock.calls[0]?.[2]?.waitMs
    },
  },
  spendRollbackTimeout: {
    async observe(settings) {
      const timeout = jest.spyOn(AbortSignal, 'timeout')
      await rollBack(
        contextOf(settings).context,
        coinbase,
        { spends: [spendRequest(0)], written: new Set() },
        [new StoreError('UTXO_SPENT', '')],
      )
      return timeout.mock.calls[0]?.[0]
    },
  },
  spendCircuitBreakerFailureCount: { observe: settings => opened(contextOf(settings).context) },
  spendCircuitBreakerCooldown: {
    observe(settings) {
      const { context } = contextOf(settings)
      const now = jest.spyOn(performance, 'now').mockReturnValue(0)
      opened(context)
      for (let ms = 0; ms < 10; ms++) {
        now.mockReturnValue(ms)
        if (context.spendBreaker.admit() !== undefined) return ms
      }
      return undefined
    },
  },
  spendCircuitBreakerHalfOpenMax: {
    beside: { spendCircuitBreakerCooldown: 0 },
    observe(settings) {
      const { context } = contextOf(settings)
      opened(context)
      let probes = 0
      while (context.spendBreaker.admit() !== undefined) probes += 1
      return probes
    },
  },
  enableSpendFilterExpressions: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await handled(spendHandler(context), [spendRequest(0)])
      return transport.batches.flat().some(row => row.kind === 'execute') ? 'on' : 'auto'
    },
  },
  enableSetMinedFilterExpressions: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await setMinedMulti(context, [bytes32(1)], minedInfo, undefined).catch(() => {})
      return transport.batches.flat().some(row => row.kind === 'execute') ? 'on' : 'auto'
    },
  },
  enablePreserveFilterExpressions: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await preserveTransactions(context, [bytes32(1)], 2_000, undefined)
      return transport.batches[0]?.some(row => row.kind === 'execute')
    },
  },
  useSeparateUdfMinedModule: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await setMinedMulti(context, [bytes32(1)], minedInfo, undefined).catch(() => {})
      return modulesOf(transport)[0] === 'udf_module_mined'
    },
  },
  separateUdfSpendModuleCount: {
    value: 3,
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      const requests = [3, 4, 5, 6].map(first => ({ ...spendRequest(0), txid: bytes32(first) }))
      await handled(spendHandler(context), requests)
      return modulesOf(transport)
    },
    expected: ['udf_module_0', 'udf_module_1', 'udf_module_2', 'udf_module_0'],
  },
  semaphoreMultiplier: {
    value: 0.5,
    observe: settings => connectionPermits(url, settings)?.free,
    expected: 50,
  },
  overloadRetryMaxElapsed: { observe: settings => overloadRetryOptions(settings).maxElapsedMs },
  overloadRetryBase: { observe: settings => overloadRetryOptions(settings).baseDelayMs },
  overloadRetryMax: { observe: settings => overloadRetryOptions(settings).maxDelayMs },
  maxMinedBatchSize: {
    async observe(settings) {
      const chunks: number[] = []
      await mapChunks(contextOf(settings).context, [1, 2, 3, 4, 5], undefined, async chunk => {
        chunks.push(chunk.length)
        return []
      })
      return Math.max(...chunks)
    },
  },
  maxMinedRoutines: {
    beside: { maxMinedBatchSize: 1 },
    async observe(settings) {
      let inFlight = 0
      let most = 0
      await mapChunks(contextOf(settings).context, [1, 2, 3, 4, 5], undefined, async () => {
        most = Math.max(most, ++inFlight)
        await Promise.resolve()
        inFlight -= 1
        return []
      })
      return most
    },
  },
  useExternalTxCache: {
    observe: settings => contextOf(settings).context.externalCaches !== undefined,
  },
  externalTxCacheMaxItems: {
    value: 2,
    async observe(settings) {
      const { outputs } = contextOf(settings).context.externalCaches ?? {}
      for (const key of ['a', 'b', 'c']) await outputs?.get(key, async () => packed(2))
      return outputs?.items
    },
  },
  externalTxCacheMaxBytes: {
    value: packed(2).sizeBytes,
    async observe(settings) {
      const { outputs } = contextOf(settings).context.externalCaches ?? {}
      for (const count of [2, 3]) await outputs?.get(`${count}`, async () => packed(count))
      return outputs?.bytes
    },
  },
  conflictingChildrenMaxNodes: {
    async observe(settings) {
      // Each transaction names the next one as its child.
      const transport = new ScriptedTransport(row => ({
        bins: {
          totalExtraRecs: 0,
          totalUtxos: 0,
          utxos: [],
          blockIDs: [],
          blockHeights: [],
          subtreeIdxs: [],
          conflictingCs: [bytes32(((row.key.userKey[0] as number) + 1) % 256)],
        },
      }))
      try {
        return (await conflictingChildren(contextWith(transport, settings), bytes32(1), undefined)).length
      } catch (error) {
        return error instanceof WalkLimitError ? error.limit : error
      }
    },
  },
  propagateConflictingToPages: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      const marked = { txid: bytes32(1), parents: [], pages: 1, spends: [] }
      await markConflicting(context, [marked as never], true, 1_000, undefined)
      return transport.batches.flat().some(row => row.kind === 'write') ? 'on' : 'off'
    },
  },
  freezeMode: {
    observe(settings) {
      try {
        checkWindow(contextOf(settings).context, { from: 5 })
        return 'records'
      } catch {
        return 'sentinel'
      }
    },
  },
  reassignedUtxoSpendableAfterBlocks: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await reassignUtxo(context, { txid: bytes32(1), vout: 0, utxoHash: bytes32(2) }, bytes32(3), undefined)
      return transport.batches.flat().flatMap(row => (row.kind === 'apply' ? row.args.at(-1) : []))[0]
    },
  },
  unminedTxRetention: {
    async observe(settings) {
      const { context, transport } = contextOf(settings)
      await markTransactionsOnLongestChain(context, [bytes32(1)], false, undefined)
      const [row] = transport.batches[0] ?? []
      const [put] = row?.kind === 'write' ? row.operations : []
      return 1_000 - Number(put?.kind === 'put' ? put.value : Number.NaN)
    },
  },
  ...prunerConsumers(),
  txMetaCacheMaxMB: {
    value: 1,
    observe(settings) {
      const surface = { settings, blockState: { height: 1, medianTime: 1 } } as unknown as UtxoStore
      const cached = new CachedUtxoStore(surface)
      // Two megabytes.
      const parents = Array.from({ length: 25 }, (_, n) => ({ txid: bytes32(n), vouts: [0] }))
      for (let n = 0; n < 2_000; n++) {
        const txid = createHash('sha256').update(`${n}`).digest()
        cached.setCache(txid, { ...UNMINED, txInpoints: parents })
      }
      const { evicted } = cached.cacheStatistics
      return evicted > 0 ? 1 : 'more'
    },
  },
  assetConcurrencySubtreeDataCreate: {
    observe: settings =>
      serviceLimits({
        source: { settings, batchDecorate: async () => [] },
        files: {} as SubtreeDataOptions['files'],
      }).creationsMax,
  },
  dbTimeoutDuration: {
    async observe(settings) {
      const options = await batchOptions(settings, context =>
        deleteTransaction(context, bytes32(1), undefined),
      )
      expect(administrationOptions(url, settings).timeoutMs).toBe(options?.timeout)
      return options?.timeout
    },
  },
  batchPolicyTotalTimeout: {
    async observe(settings) {
      const rows: BatchRow[] = [{ kind: 'read', key: { set: 's', userKey: 'k' }, bins: [] }]
      return (await batchOptions(settings, context => context.operate(rows)))?.timeout
    },
  },
  batchPolicySocketTimeout: { observe: settings => transportOptions(url, settings).socketTimeoutMs },
  batchPolicyMaxRetries: { observe: settings => transportOptions(url, settings).maxRetries },
  batchPolicySleepBetweenRetries: { observe: settings => wireTransportOptions(url, settings).pauseMsMax },
  queryPolicySocketTimeout: { observe: settings => queriesOptions(url, settings).socketTimeoutMs },
  queryPolicyTotalTimeout: { observe: settings => queriesOptions(url, settings).totalTimeoutMs },
  queryPolicyMaxRetries: { observe: settings => queriesOptions(url, settings).maxRetries },
  queryIdleTimeoutSeconds: {
    async observe(settings) {
      const seen: QueryOptions[] = []
      const queries: Queries = {
        query(_, options) {
          seen.push(options)
          return scriptedQueries().query(_, options)
        },
      }
      const context = contextWith(answerOk(), settings, { queries })
      await queryOldUnminedTransactions(context, 10, undefined)
      return (seen[0]?.idleTimeoutMs ?? 0) / 1_000
    },
  },
  verboseDebug: {
    async observe(settings) {
      const { lines, logger } = recordingLogger()
      const { get } = createBatchers(contextWith(answerOk(), settings, { logger }))
      await get.submit({ txid: bytes32(1), fields: ['fee'] }).catch(() => {})
      await get.close()
      return lines.map(({ event }) => event)
    },
    expected: ['batch_sent', 'batch_settled'],
  },
  connectTimeout: { observe: settings => connectionOptions(url, settings).connectTimeoutMs },
  transport: { observe: settings => wantedTransport(url, settings) },
  connectRetries: { observe: settings => connectionOptions(url, settings).connectRetries },
} satisfies Record<SettingName, Consumer>

const UNMINED = {
  fee: 1,
  sizeInBytes: 2,
  isCoinbase: false,
  conflicting: false,
  locked: false,
  frozen: false,
}

describe('every setting reaches its consumer', () => {
  it.each<[string, SettingRow]>(Object.entries(SETTINGS))('%s', async (name, row) => {
    const consumer = CONSUMERS[name]
    if (consumer === undefined) throw new Error(`no consumer of ${name} is proven`)
    const value = consumer.value ?? otherValue(row)
    const observed = (input: SettingsInput) =>
      consumer.observe(resolveSettings({ ...consumer.beside, ...input } as SettingsInput))
    expect(value).not.toBe(row.default)
    const seen = await observed({ [name]: value } as SettingsInput)
    expect(seen).toEqual('expected' in consumer ? consumer.expected : value)
    jest.restoreAllMocks()
    expect(await observed({})).not.toEqual(seen)
  })

  it.each([Number.NaN, 0, -1])('a semaphoreMultiplier of %d is no limit (semantics 6.1)', value => {
    expect(connectionPermits(url, resolveSettings({ aerospike_semaphore_multiplier: value }))).toBeUndefined()
  })

  it('there is no consumer of a setting that does not exist', () => {
    expect(Object.keys(CONSUMERS).filter(name => !(name in SETTINGS))).toEqual([])
  })
})
