import { type TransactionOutput, txidToHex } from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import {
  BINS,
  buildRecords,
  encodePartialOutputs,
  needsSeveralRecords,
  type PartialOutputs,
  pageKey,
  partialContent,
} from '../../../record/index.ts'
import { type BatchRow, RESULT_CODES } from '../../../transport/index.ts'
import { checkBoolean, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { missingAnswerError, rowError } from '../../store-errors.ts'
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
 * Writes the records of a transaction of which only outputs are known. With more than one record the body goes
 * to the external store first, then all records marked as creating, so that no output can be spent before every
 * record exists; then the mark is taken from the pages and last from the master (semantics 1.11, 3.4). There is
 * no creation lock: two creators of one transaction have to give the same outputs, which the body proves.
 *
 * Throws `TX_EXISTS` when the transaction is there, whatever its contents, and `BLOB_ALREADY_EXISTS` when an
 * interrupted call had other outputs. A call that was interrupted is completed by repeating it.
 */
export async function createPartial(
  context: StoreContext,
  partial: PartialOutputs,
  options: CreateOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { txid, outputs, blockHeight } = partial
  const several = needsSeveralRecords(outputs.length, context.settings.utxoBatchSize)
  const body = encodePartialOutputs(partial)
  const external = several || body.byteLength > OUTPUT_BYTES_IN_RECORD_MAX
  const recordOptions = { ...checkRecordOptions(context, blockHeight, options), creating: several, external }
  const { master, pages } = buildRecords(partialContent(partial), recordOptions)
  // The body first, also where the record turns out to be there: one without a record is harmless.
  if (external) await storeBody(context, txid, body)
  if (several) await refuseComplete(context, txid, signal)
  const rows = [master, ...pages].map((bins, page) => createRow(context, pageKey(txid, page), bins))
  const statuses = await write(context, txid, rows, [RESULT_CODES.RECORD_EXISTS], signal)
  if (several) await clearCreating(context, txid, pages.length, signal)
  if (!statuses.includes(RESULT_CODES.OK)) throw exists(txid)
}

/** A master that is complete must not get pages that it does not know of. */
async function refuseComplete(
  context: StoreContext,
  txid: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const row = {
    kind: 'read',
    key: { set: context.set, userKey: pageKey(txid, 0) },
    bins: [BINS.creating],
  } as const
  const [answer] = await context.operate([row], { signal })
  if (answer === undefined) throw missingAnswerError(`creating ${txidToHex(txid)}`)
  if (answer.status === RESULT_CODES.NOT_FOUND) return
  if (answer.status !== RESULT_CODES.OK) throw rowError(`creating ${txidToHex(txid)}`, answer.status, false)
  if (answer.bins?.[BINS.creating] !== true) throw exists(txid)
}

async function storeBody(context: StoreContext, txid: Uint8Array, body: Uint8Array): Promise<void> {
  const hex = txidToHex(txid)
  await context.external.set(hex, 'outputs', body)
  const stored = await context.external.get(hex, 'outputs')
  if (stored === undefined || Buffer.compare(stored, body) !== 0) {
    throw new StoreError('BLOB_ALREADY_EXISTS', `transaction ${hex} was begun with other outputs`)
  }
}

function exists(txid: Uint8Array): StoreError {
  return new StoreError('TX_EXISTS', `transaction ${txidToHex(txid)} exists already`)
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
  return mapRows(context, rows, signal, {
    toRow: row => row,
    describe: () => what,
    read: (_, answer) => {
      if (answer instanceof StoreError) throw answer
      if (answer.status !== RESULT_CODES.OK && !accepted.includes(answer.status))
        throw rowError(what, answer.status, answer.inDoubt)
      return answer.status
    },
  })
}
