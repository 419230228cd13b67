import { type Outpoint, outpointToString, txidToHex } from '../../../bitcoin/index.ts'
import { type ErrorCode, StoreError } from '../../../errors/index.ts'
import { BINS, decodeSlot, parseSpendingDataText, slotOffset } from '../../../record/index.ts'
import { type BinValue, RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { recordWaves } from '../../dispatch/record-waves.ts'
import { asStoreError, RecordNotFoundError, rowError, UtxoSpentError } from '../../store-errors.ts'
import { parseUdfResponse, type UdfResponse } from '../../udf/udf-response.ts'
import { type OutputTarget, recordIdOf, recordKeyOf } from '../reading/output-target.ts'

/** How one output of a call fared; without an error it was done. */
export interface OutputOutcome extends Outpoint {
  readonly error: StoreError | undefined
}

/**
 * Looks the outputs up before anything is changed: a record that is not there must not be marked as one that
 * carries freezes. Each entry, in order, is the hash to go on with (the caller's, where one was given, which
 * the UDF compares), or why there is none.
 */
export function resolveHashes(
  context: StoreContext,
  targets: readonly OutputTarget[],
  signal: AbortSignal | undefined,
): Promise<(Uint8Array | StoreError)[]> {
  return mapRows(context, targets, signal, {
    toRow: target => ({
      kind: 'read',
      key: { set: context.set, userKey: recordKeyOf(context, target) },
      bins: [BINS.utxos],
    }),
    describe: target => `reading output ${outpointToString(target)}`,
    read: (target, answer) => storedHash(context, target, answer),
  })
}

function storedHash(
  { settings }: StoreContext,
  target: OutputTarget,
  answer: RowAnswer | StoreError,
): Uint8Array | StoreError {
  const what = `reading output ${outpointToString(target)}`
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return new RecordNotFoundError(target.txid)
  if (answer.status !== RESULT_CODES.OK) return rowError(what, answer.status, answer.inDoubt)
  const slots = answer.bins?.[BINS.utxos]
  if (!Array.isArray(slots))
    return new StoreError('STORAGE_ERROR', `${what}: its record has no list of slots`)
  try {
    // Beyond the list is as a slot of an output that was never spendable.
    const slot = decodeSlot(slots[slotOffset(target.vout, settings.utxoBatchSize)] ?? null)
    if (slot.state !== 'nil') return target.utxoHash ?? slot.utxoHash
    return new StoreError('TX_NOT_FOUND', `output ${outpointToString(target)} is not in the store`)
  } catch (error) {
    return asStoreError(error, what, { code: 'STORAGE_ERROR' })
  }
}

/** A call of a UDF that works on one output. */
export interface OutputCall extends Outpoint {
  readonly utxoHash: Uint8Array
  readonly function: string
  /** What follows the offset and the hash. */
  readonly args: readonly BinValue[]
}

/**
 * Makes the calls in few batches; one entry for each, in order: undefined where it was done. Each is sent once: where
 * an answer is lost, a second try would be refused for what the first one has done (`ALREADY_FROZEN`, another hash), and
 * a second unfreeze could lift a freeze that somebody has put in between.
 */
export async function callOutputs(
  context: StoreContext,
  calls: readonly OutputCall[],
  signal: AbortSignal | undefined,
): Promise<(StoreError | undefined)[]> {
  const errors = new Map<OutputCall, StoreError | undefined>()
  for (const wave of recordWaves(calls, call => recordIdOf(context, call))) {
    const outcomes = await mapRows(context, wave, signal, {
      toRow: call => ({
        kind: 'apply',
        key: { set: context.set, userKey: recordKeyOf(context, call) },
        module: context.modules.main,
        function: call.function,
        args: [slotOffset(call.vout, context.settings.utxoBatchSize), call.utxoHash, ...call.args],
      }),
      describe: describeCall,
      read: verdict,
      once: true,
    })
    for (const [index, call] of wave.entries()) errors.set(call, outcomes[index])
  }
  return calls.map(call => errors.get(call))
}

function describeCall(call: OutputCall): string {
  return `${call.function} of output ${outpointToString(call)}`
}

function verdict(call: OutputCall, answer: RowAnswer | StoreError): StoreError | undefined {
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.NOT_FOUND) return new RecordNotFoundError(call.txid)
  if (answer.status !== RESULT_CODES.OK) return rowError(describeCall(call), answer.status, answer.inDoubt)
  try {
    const response = parseUdfResponse(answer.bins)
    return response.status === 'OK' ? undefined : refusal(call, response)
  } catch (error) {
    return asStoreError(error, describeCall(call), { code: 'PROCESSING' })
  }
}

/** What a UDF refuses of one output; any other answer is `STORAGE_ERROR`. */
const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  UTXO_NOT_FOUND: 'TX_NOT_FOUND',
  UTXO_HASH_MISMATCH: 'UTXO_HASH_MISMATCH',
  UTXO_INVALID_SIZE: 'UTXO_INVALID_SIZE',
  ALREADY_FROZEN: 'UTXO_FROZEN',
  UTXO_NOT_FROZEN: 'UTXO_ERROR',
}

function refusal(call: OutputCall, { errorCode = '', message, spendingData }: UdfResponse): StoreError {
  if (errorCode === 'TX_NOT_FOUND') return new RecordNotFoundError(call.txid)
  if (errorCode === 'SPENT' && spendingData !== undefined) {
    const winner = parseSpendingDataText(spendingData)
    const text = `output ${outpointToString(call)} is spent by ${txidToHex(winner.txid)}`
    return new UtxoSpentError(text, { ...call, spendingData: winner })
  }
  return new StoreError(
    REFUSALS[errorCode] ?? 'STORAGE_ERROR',
    `${describeCall(call)}: ${errorCode || 'an error without a code'} (${message ?? ''})`,
  )
}
