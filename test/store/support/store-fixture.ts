import { MemoryStore } from '../../../lib/external/index.ts'
import { createMetrics } from '../../../lib/metrics/index.ts'
import { encodeSpendingData } from '../../../lib/record/index.ts'
import { resolveSettings, type SettingsInput } from '../../../lib/settings/index.ts'
import { createBatchers } from '../../../lib/store/calls/batchers.ts'
import { BlockStateHolder } from '../../../lib/store/context/block-state.ts'
import { StoreContext, type StoreContextOptions } from '../../../lib/store/context/store-context.ts'
import { type Logger, safeLogger } from '../../../lib/store/logging/logger.ts'
import type { SpendRequest } from '../../../lib/store/operations/spending/spend-dispatch.ts'
import { ModuleNames } from '../../../lib/store/udf/module-names.ts'
import type {
  Administration,
  BatchRow,
  Queries,
  QueryRecord,
  RowAnswer,
  Transport,
} from '../../../lib/transport/index.ts'

/** What a scripted transport says of one row: a status, or bins of a success; undefined leaves the row out. */
export type Script = (row: BatchRow, index: number) => Partial<RowAnswer> | undefined

export class ScriptedTransport implements Transport {
  readonly batches: (readonly BatchRow[])[] = []
  script: Script

  constructor(script: Script) {
    this.script = script
  }

  async batchOperate(rows: readonly BatchRow[]): Promise<readonly RowAnswer[]> {
    this.batches.push(rows)
    return rows.flatMap((row, index) => {
      const answer = this.script(row, index)
      return answer === undefined ? [] : [{ index, status: 0, bins: undefined, inDoubt: false, ...answer }]
    })
  }
}

/** Queries that find nothing, or what they are given. */
export function scriptedQueries(records: readonly QueryRecord[] = []): Queries {
  return {
    async *query() {
      yield* records
    },
  }
}

/** A cluster without nodes: nothing to list, every registration and index succeeds. */
export function scriptedAdministration(): Administration {
  return {
    listUdfFiles: async () => [],
    registerUdf: async () => {},
    indexStates: async () => [],
    ensureIndex: async () => {},
    infoOfNodes: async () => [],
    close: async () => {},
  }
}

/** Spends of output 0 of two parents, 1 and 2, by one transaction, without any flag. */
export function spendsBy(spender: Uint8Array): readonly SpendRequest[] {
  return [1, 2].map((parent, vin) => ({
    txid: bytes32(parent),
    vout: 0,
    utxoHash: bytes32(9),
    spendingData: encodeSpendingData({ txid: spender, vin }),
    blockHeight: 1_000,
    flags: {
      ignoreConflicting: false,
      ignoreLocked: false,
      ignorePolicyFreeze: false,
      ignoreConsensusFreeze: false,
    },
  }))
}

export function contextWith(
  transport: Transport,
  settings: SettingsInput = {},
  parts: Partial<Pick<StoreContextOptions, 'queries' | 'administration' | 'closing' | 'external' | 'set'>> & {
    logger?: Logger
    /** Name of the module; copies have names made of it. */
    udfModule?: string
  } = {},
): StoreContext {
  const blockState = new BlockStateHolder()
  blockState.set(1_000, 1_700_000_000)
  const resolved = resolveSettings({
    incrementBatcherDurationMillis: 0,
    setDAHBatcherDurationMillis: 0,
    ...settings,
  })
  const context = new StoreContext({
    settings: resolved,
    set: parts.set ?? 'utxo',
    modules: new ModuleNames(parts.udfModule ?? 'udf_module', resolved),
    logger: safeLogger(parts.logger),
    metrics: createMetrics(undefined),
    blockState,
    transport,
    queries: parts.queries ?? scriptedQueries(),
    administration: parts.administration ?? scriptedAdministration(),
    closing: parts.closing ?? new AbortController().signal,
    external: parts.external ?? new MemoryStore(),
    connectionsMax: 128,
  })
  // Attaches the batchers of follow-ups, which handlers put into.
  createBatchers(context)
  return context
}

/** A UDF's answer as it comes in a row. */
export function udfAnswer(answer: Record<string, unknown>): Partial<RowAnswer> {
  return { bins: { SUCCESS: answer as never } }
}

/** 32 bytes that are the same number, as a txid or a hash. */
export function bytes32(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}

/** Whether a row reads the master record of a transaction. */
export function looksFor(row: BatchRow, txid: Uint8Array): boolean {
  return row.kind === 'read' && Buffer.compare(row.key.userKey as Uint8Array, txid) === 0
}
