import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import { copyOfOutput, type TransactionOutput } from '../../../bitcoin/index.ts'
import { InvalidArgumentError } from '../../../errors/index.ts'
import {
  buildRecords,
  encodePartialOutputs,
  needsSeveralRecords,
  outputsNeedExternalBody,
  type PartialOutputs,
  partialContent,
  type RecordOptions,
  type TransactionRecords,
} from '../../../record/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { type CreateOptions, checkRecordOptions } from './create-options.ts'
import type { Creation, CreationBody } from './creation.ts'
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
  const copies = new Map<number, TransactionOutput>()
  for (const [vout, output] of outputs) {
    checkUint32('outputs key', vout)
    if (vout > OUTPUT_INDEX_MAX)
      throw new InvalidArgumentError('outputs key', `at most ${OUTPUT_INDEX_MAX}`, vout)
    // The record is built when it is sent, and the caller may use its memory again meanwhile.
    copies.set(vout, copyOfOutput(output, `outputs[${vout}]`))
  }
  checkHeight('blockHeight', blockHeight)
  checkBoolean('isCoinbase', isCoinbase)
  let length = 0
  for (const vout of outputs.keys()) length = Math.max(length, vout + 1)
  return {
    txid,
    blockHeight,
    isCoinbase,
    outputs: Array.from({ length }, (_, vout) => copies.get(vout) ?? null),
  }
}

/**
 * Stores a transaction of which only outputs are known, in the same way as a whole one. Throws `TX_EXISTS` when
 * the transaction is there, whatever its contents, and `BLOB_ALREADY_EXISTS` when an interrupted call had other
 * outputs.
 */
export function createPartial(
  context: StoreContext,
  batcher: Batcher<Creation, void>,
  partial: PartialOutputs,
  options: CreateOptions,
  end: AnswerListener<void>,
  signal: AbortSignal | undefined,
): void {
  const { externalizeAllTransactions, utxoBatchSize } = context.settings
  const creating = needsSeveralRecords(partial.outputs.length, utxoBatchSize)
  const external = externalizeAllTransactions || creating || outputsNeedExternalBody(partial.outputs)
  const recordOptions = checkRecordOptions(context, partial.blockHeight, options, { creating, external })
  storeCreation(context, batcher, new PartialTransaction(partial, recordOptions), end, signal)
}

class PartialTransaction implements Creation {
  mayExist = false
  #records: TransactionRecords
  #options: RecordOptions
  readonly #partial: PartialOutputs

  constructor(partial: PartialOutputs, options: RecordOptions) {
    this.#records = buildRecords(partialContent(partial), options)
    this.#partial = partial
    this.#options = options
  }

  get txid(): Uint8Array {
    return this.#partial.txid
  }

  get records(): TransactionRecords {
    return this.#records
  }

  get body(): CreationBody | undefined {
    return this.#options.external
      ? { type: 'outputs', encode: () => encodePartialOutputs(this.#partial) }
      : undefined
  }

  moveBodyOutside(): void {
    this.#options = { ...this.#options, external: true }
    this.#records = buildRecords(partialContent(this.#partial), this.#options)
  }
}
