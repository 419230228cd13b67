import { type TransactionOutput, txidToHex } from '../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../errors/index.ts'
import {
  BINS,
  buildRecords,
  encodePartialOutputs,
  needsSeveralRecords,
  type PartialOutputs,
  pageKey,
  partialContent,
} from '../../record/index.ts'
import { type BatchRow, RESULT_CODES } from '../../transport/index.ts'
import { checkUint32 } from '../arguments.ts'
import { mapChunks } from '../map-chunks.ts'
import type { StoreContext } from '../store-context.ts'
import { missingAnswerError, rowError } from '../store-errors.ts'
import { type CreateOptions, checkRecordOptions, createRow } from './create.ts'

/** The largest output index of a partial transaction: its records are written by one call. */
const OUTPUT_INDEX_MAX = 2 ** 20

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
    if (typeof output?.satoshis !== 'bigint' || !(output.lockingScript instanceof Uint8Array)) {
      throw new InvalidArgumentError(
        `outputs[${vout}]`,
        'satoshis (bigint) and lockingScript (bytes)',
        output,
      )
    }
  }
  const length = Math.max(...outputs.keys()) + 1
  return {
    txid,
    blockHeight,
    isCoinbase,
    outputs: Array.from({ length }, (_, vout) => outputs.get(vout) ?? null),
  }
}

/**
 * Writes the records of a transaction of which only outputs are known. With more than one record the body goes
 * to the external store first, then all records marked as creating, so that no output can be spent before every
 * record exists; then the mark is taken from the pages and last from the master (semantics 1.11, 3.4).
 *
 * Throws `TX_EXISTS` when nothing was new. A call that was interrupted is completed by repeating it.
 */
export async function createPartial(
  context: StoreContext,
  partial: PartialOutputs,
  options: CreateOptions & { signal?: AbortSignal | undefined },
): Promise<void> {
  const several = needsSeveralRecords(partial.outputs.length, context.settings.utxoBatchSize)
  const recordOptions = {
    ...checkRecordOptions(context, partial.blockHeight, options),
    creating: several,
    external: several,
  }
  const { master, pages } = buildRecords(partialContent(partial), recordOptions)
  if (several) await context.external.set(txidToHex(partial.txid), 'outputs', encodePartialOutputs(partial))
  const rows = [master, ...pages].map((bins, page) => createRow(context, pageKey(partial.txid, page), bins))
  const statuses = await write(context, partial.txid, rows, [RESULT_CODES.RECORD_EXISTS], options.signal)
  if (several) await clearCreating(context, partial.txid, pages.length, options.signal)
  if (!statuses.includes(RESULT_CODES.OK)) {
    throw new StoreError('TX_EXISTS', `transaction ${txidToHex(partial.txid)} exists already`)
  }
}

/** The master last: without the mark it says that the transaction is complete. */
async function clearCreating(
  context: StoreContext,
  txid: Uint8Array,
  pages: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const clear = (page: number): BatchRow => ({
    kind: 'write',
    key: { set: context.set, userKey: pageKey(txid, page) },
    operations: [{ kind: 'unset', bin: BINS.creating }],
    exists: 'update-only',
  })
  await write(
    context,
    txid,
    Array.from({ length: pages }, (_, page) => clear(page + 1)),
    [],
    signal,
  )
  await write(context, txid, [clear(0)], [], signal)
}

/** Sends rows of one transaction and returns their statuses; any other failure than the accepted ones is thrown. */
async function write(
  context: StoreContext,
  txid: Uint8Array,
  rows: readonly BatchRow[],
  accepted: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const what = `creating ${txidToHex(txid)}`
  return mapChunks(context, rows, signal, async chunk => {
    const answers = await context.operate(chunk, { signal })
    return chunk.map((_, index) => {
      const answer = answers[index]
      if (answer === undefined) throw missingAnswerError(what)
      if (answer.status !== RESULT_CODES.OK && !accepted.includes(answer.status))
        throw rowError(what, answer.status, answer.inDoubt)
      return answer.status
    })
  })
}
