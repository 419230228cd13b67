import { jest } from '@jest/globals'
import { MemoryStore } from '../../../lib/external/index.ts'
import type { Settings, SettingsInput } from '../../../lib/settings/index.ts'
import type { SettingName } from '../../../lib/settings/settings-table.ts'
import { type PruneOptions, PruningCalls } from '../../../lib/store/calls/pruning-calls.ts'
import type { StoreContext } from '../../../lib/store/context/store-context.ts'
import { completeRemovals } from '../../../lib/store/operations/pruning/complete-removals.ts'
import { preserveParents } from '../../../lib/store/operations/pruning/preserve-parents.ts'
import { chunksAtOnce, type PruneResult, prune } from '../../../lib/store/operations/pruning/prune.ts'
import { newRun } from '../../../lib/store/operations/pruning/prune-run.ts'
import type { BatchRow, Queries, QueryRecord, QueryRequest } from '../../../lib/transport/index.ts'
import {
  bytes32,
  contextWith,
  type Script,
  ScriptedTransport,
  scriptedAdministration,
  scriptedQueries,
  udfAnswer,
} from './store-fixture.ts'

interface PrunerConsumer {
  readonly value?: number | string | boolean
  readonly beside?: SettingsInput
  observe(settings: Settings): unknown
  readonly expected?: unknown
}

const contextOf = (settings: Settings): StoreContext =>
  contextWith(new ScriptedTransport(() => ({})), settings)

const PRUNED_BINS = {
  txID: bytes32(1),
  totalExtraRecs: 0,
  inputs: [Buffer.concat([bytes32(2), Buffer.alloc(4)])],
  utxos: [],
}

interface PrunerRun {
  readonly transport: ScriptedTransport
  readonly result: PruneResult
  readonly asked: readonly QueryRequest[]
  readonly bodyAttempts: number
}

/** A run of the pruner that finds some records, the transport saying yes to everything. */
async function pruned(
  settings: Settings,
  {
    records = 1,
    bins = {} as QueryRecord['bins'],
    script = undefined as Script | undefined,
    bodyFails = false,
  } = {},
): Promise<PrunerRun> {
  const asked: QueryRequest[] = []
  const queries: Queries = {
    async *query(request) {
      asked.push(request)
      if (request.index?.bin !== 'deleteAtHeight' || request.partitions?.begin !== 0) return
      for (let n = 1; n <= records; n += 1)
        yield { digest: bytes32(n), bins: { ...PRUNED_BINS, txID: bytes32(n), ...bins } }
    },
  }
  const transport = new ScriptedTransport(
    (row, index) =>
      script?.(row, index) ??
      (row.kind === 'read' && row.bins.length === 0 ? { status: 2 } : { bins: { deleteAtHeight: 1 } }),
  )
  let bodyAttempts = 0
  const external = new MemoryStore()
  external.delete = async () => {
    bodyAttempts += 1
    if (bodyFails) throw new Error('no disk')
  }
  const context = contextWith(transport, settings, { queries, external })
  const result = await prune(context, 2_000, { signal: undefined, onProgress: undefined })
  return { transport, result, asked, bodyAttempts }
}

const rowsOf = (run: PrunerRun, kind: BatchRow['kind']): number =>
  run.transport.batches.flat().filter(row => row.kind === kind && row.key.userKey.length === 32).length

/** What a call of `prune` says of a caller that is catching up, or of another one. */
const outcomeOf = async (
  settings: Settings,
  options: PruneOptions = { isCatchingUp: true },
): Promise<string> => {
  class Calls extends PruningCalls {}
  const calls = new (Calls as unknown as new (context: StoreContext) => PruningCalls)(contextOf(settings))
  return (await calls.prune(5, options)).outcome
}

/** What the settings of the pruner do, by what a run of it sends. */
export function prunerConsumers() {
  const external = { bins: { external: true } } as const
  const each = { prunerUtxoPartitionQueries: 1 }
  return {
    parentPreservationBlocks: {
      async observe(settings: Settings) {
        const transport = new ScriptedTransport(() => udfAnswer({ status: 'OK' }))
        const queries = scriptedQueries([{ digest: bytes32(1), bins: PRUNED_BINS }])
        const run = newRun(contextWith(transport, settings, { queries }), 2_000)
        await preserveParents(run, undefined)
        const [row] = transport.batches.flat()
        return (row?.kind === 'apply' ? Number(row.args[0]) : 2_000) - 2_000
      },
    },
    disableDAHCleaner: { observe: async (settings: Settings) => (await outcomeOf(settings)) === 'disabled' },
    prunerSkipDuringCatchup: {
      observe: async (settings: Settings) => (await outcomeOf(settings)) === 'catching up',
    },
    prunerBlockTrigger: {
      async observe(settings: Settings) {
        const outcome = await outcomeOf(settings, { trigger: 'OnBlockMined' })
        return outcome === 'complete' ? 'OnBlockMined' : outcome
      },
    },
    prunerIndexName: {
      async observe(settings: Settings) {
        let name: unknown
        const administration = {
          ...scriptedAdministration(),
          ensureIndex: async (index: { name: string }) => {
            name = index.name
          },
        }
        await contextWith(new ScriptedTransport(() => ({})), settings, { administration }).indexes.ready(
          'deleteAtHeight',
          undefined,
        )
        return name
      },
    },
    prunerUtxoChunkSize: {
      beside: each,
      observe: async (settings: Settings) => {
        const { transport } = await pruned(settings, { records: 5 })
        return Math.max(...transport.batches.map(rows => rows.length))
      },
    },
    prunerUtxoChunkGroupLimit: {
      observe: (settings: Settings) => chunksAtOnce(contextOf(settings), 1),
    },
    prunerConnectionPoolWarningThreshold: {
      value: 0.03,
      observe: (settings: Settings) => chunksAtOnce(contextOf(settings), 1),
      expected: 1,
    },
    prunerUtxoPartitionQueries: {
      value: 7,
      async observe(settings: Settings) {
        const { asked } = await pruned(settings)
        return asked.filter(({ index }) => index?.bin === 'deleteAtHeight').length
      },
    },
    prunerUtxoDefensiveEnabled: {
      beside: each,
      observe: async (settings: Settings) => (await pruned(settings)).asked.at(-1)?.bins.includes('utxos'),
    },
    prunerUtxoDefensiveBatchReadSize: {
      beside: { ...each, prunerUtxoDefensiveEnabled: true },
      async observe(settings: Settings) {
        const utxos = [5, 6, 7].map(spender => Buffer.concat([bytes32(0), bytes32(spender), Buffer.alloc(4)]))
        const run = await pruned(settings, { bins: { utxos } })
        const reads = run.transport.batches.filter(
          ([row]) => row?.kind === 'read' && row.bins[0] === 'blockHeights',
        )
        return Math.max(...reads.map(rows => rows.length))
      },
    },
    prunerUtxoSetTTL: {
      beside: each,
      observe: async (settings: Settings) => rowsOf(await pruned(settings), 'remove') === 0,
    },
    prunerSkipParentUpdates: {
      beside: each,
      observe: async (settings: Settings) => rowsOf(await pruned(settings), 'write') === 0,
    },
    prunerSkipDeletions: {
      beside: each,
      observe: async (settings: Settings) => rowsOf(await pruned(settings), 'remove') === 0,
    },
    prunerRelaxRemovalCommitLevel: {
      beside: each,
      async observe(settings: Settings) {
        const removal = (await pruned(settings)).transport.batches.flat().at(-1)
        return removal?.kind === 'remove' && removal.relaxedCommit === true
      },
    },
    prunerJobTimeout: {
      async observe(settings: Settings) {
        const timer = jest.spyOn(globalThis, 'setTimeout')
        await pruned(settings, { records: 0 })
        return timer.mock.calls[0]?.[1]
      },
    },
    prunerBlobDeletionSafetyWindow: {
      beside: each,
      observe: async (settings: Settings) => ((await pruned(settings, external)).bodyAttempts === 0 ? 1 : 0),
    },
    prunerBlobDeletionBatchSize: {
      value: 2,
      async observe(settings: Settings) {
        const intents = [1, 2, 3].map(n => ({
          digest: bytes32(n),
          bins: { txID: bytes32(n), pages: 0, prunedAt: 1, startedAt: 1 },
        }))
        const transport = new ScriptedTransport(() => ({}))
        const run = newRun(contextWith(transport, settings, { queries: scriptedQueries(intents) }), 2_000)
        await completeRemovals(run, undefined)
        return Math.max(...transport.batches.map(rows => rows.length))
      },
    },
    prunerBlobDeletionRetries: {
      beside: each,
      observe: async (settings: Settings) =>
        (await pruned(settings, { ...external, bodyFails: true })).bodyAttempts - 1,
    },
  } as const satisfies Partial<Record<SettingName, PrunerConsumer>>
}
