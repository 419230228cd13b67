import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import { requireOutput, type TransactionOutput } from '../../../bitcoin/index.ts'
import { InvalidArgumentError } from '../../../errors/index.ts'
import {
  buildRecords,
  encodePartialOutputs,
  needsSeveralRecords,
  type PartialOutputs,
  partialContent,
  type RecordOptions,
} from '../../../record/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { type CreateOptions, checkRecordOptions } from './create-options.ts'
import type { CreateRequest } from './create-rows.ts'
import type { Creation } from './creation.ts'
import { storeCreation } from './store-creation.ts'

/** The largest index that an output of a body in the external store can have (semantics 1.8). */
const OUTPUT_INDEX_MAX = 2 ** 24

export function partialOutputs(
  txid: Uint8Array,
  outputs: ReadonlyMap<number, TransactionOutput>,
  blockHeight: number,
  isCoinbase: boolean,
): PartialOutputs {
  if (!(outputs instanceof Map) || outputs.size === 0)
    throw new InvalidArgumentError('outputs', 'a Map of at least one output', outputs)
  for (const [vout, output] of outputs) {
    checkUint32('outputs key', vout)
    if (vout > OUTPUT_INDEX_MAX)
      throw new InvalidArgumentError('outputs key', `at most ${OUTPUT_INDEX_MAX}`, vout)
    requireOutput(output, `outputs[${vout}]`)
  }
  checkHeight('blockHeight', blockHeight)
  checkBoolean('isCoinbase', isCoinbase)
  let length = 0
  for (const vout of outputs.keys()) length = Math.max(length, vout + 1)
  return {
    txid,
    blockHeight,
    isCoinbase,
    outputs: Array.from({ length }, (_, vout) => outputs.get(vout) ?? null),
  }
}

/** Outputs of a partial transaction above this many bytes go to the external store (semantics 1.8). */
const OUTPUT_BYTES_IN_RECORD_MAX = 32_768

/**
 * Stores a transaction of which only outputs are known, in the same way as a whole one. Throws `TX_EXISTS` when
 * the transaction is there, whatever its contents, and `BLOB_ALREADY_EXISTS` when an interrupted call had other
 * outputs.
 */
export function createPartial(
  context: StoreContext,
  batcher: Batcher<CreateRequest, void>,
  partial: PartialOutputs,
  options: CreateOptions,
  end: AnswerListener<void>,
  signal: AbortSignal | undefined,
): void {
  const { externalizeAllTransactions, utxoBatchSize } = context.settings
  const creating = needsSeveralRecords(partial.outputs.length, utxoBatchSize)
  const external =
    externalizeAllTransactions ||
    creating ||
    encodePartialOutputs(partial).byteLength > OUTPUT_BYTES_IN_RECORD_MAX
  const recordOptions = checkRecordOptions(context, partial.blockHeight, options, { creating, external })
  const stored = { succeed: () => end.succeed(), fail: (error: unknown) => end.fail(error) }
  storeCreation(context, batcher, partialCreation(partial, recordOptions), stored, signal)
}

function partialCreation(partial: PartialOutputs, options: RecordOptions): Creation {
  const body = { type: 'outputs', encode: () => encodePartialOutputs(partial) } as const
  return {
    txid: partial.txid,
    records: buildRecords(partialContent(partial), options),
    body: options.external ? body : undefined,
    withExternalBody: () => partialCreation(partial, { ...options, external: true }),
  }
}
