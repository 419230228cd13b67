import { MemoryStore } from '../../../lib/external/index.ts'
import { createMetrics } from '../../../lib/metrics/index.ts'
import { resolveSettings, type SettingsInput } from '../../../lib/settings/index.ts'
import { BlockStateHolder } from '../../../lib/store/block-state.ts'
import { safeLogger } from '../../../lib/store/logger.ts'
import { StoreContext } from '../../../lib/store/store-context.ts'
import type { BatchRow, RowAnswer, Transport } from '../../../lib/transport/index.ts'

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

export function contextWith(transport: Transport, settings: SettingsInput = {}): StoreContext {
  const blockState = new BlockStateHolder()
  blockState.set(1_000, 1_700_000_000)
  return new StoreContext({
    settings: resolveSettings(settings),
    set: 'utxo',
    udfModule: 'udf_module',
    logger: safeLogger(undefined),
    metrics: createMetrics(undefined),
    blockState,
    transport,
    external: new MemoryStore(),
  })
}

/** A UDF's answer as it comes in a row. */
export function udfAnswer(answer: Record<string, unknown>): Partial<RowAnswer> {
  return { bins: { SUCCESS: answer as never } }
}

/** 32 bytes that are the same number, as a txid or a hash. */
export function bytes32(value: number): Uint8Array {
  return new Uint8Array(32).fill(value)
}
