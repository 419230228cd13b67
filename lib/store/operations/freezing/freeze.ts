import {
  requireOutput,
  type TransactionOutput,
  txidKey,
  txidToHex,
  utxoHash as utxoHashOf,
} from '../../../bitcoin/index.ts'
import { InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { BINS, type FreezeWindow, masterKey, normaliseWindow, recordNumber } from '../../../record/index.ts'
import { RESULT_CODES, type RowAnswer } from '../../../transport/index.ts'
import { checkBoolean } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { aggregateCause, RecordNotFoundError, rowError } from '../../store-errors.ts'
import { isHash, type OutputTarget } from '../reading/output-target.ts'
import { callOutputs, type OutputCall, type OutputOutcome, resolveHashes } from './output-calls.ts'

/** The window of a freeze; without any of it the output is frozen always and for good. */
export type FreezeOptions = { readonly [Name in keyof FreezeWindow]?: FreezeWindow[Name] | undefined }

/**
 * Some outputs could not be frozen or unfrozen. `outputs` has every one in order, each with its own error;
 * `cause` holds the first ten.
 */
export class FreezeError extends StoreError {
  override readonly name = 'FreezeError'
  readonly outputs: readonly OutputOutcome[]

  constructor(what: string, outputs: readonly OutputOutcome[]) {
    const errors = outputs.flatMap(({ error }) => error ?? [])
    super(
      'STORAGE_ERROR',
      `${errors.length} of ${outputs.length} outputs could not be ${what}: ${errors[0]?.message}`,
      { cause: aggregateCause(errors) },
    )
    this.outputs = outputs
  }
}

/**
 * Checks a window. With `freezeMode` at `sentinel` none can be recorded, and asking for one is refused: stored
 * without, it would be a freeze for good.
 */
export function checkWindow({ settings }: StoreContext, options: FreezeOptions): FreezeWindow {
  const { from = 0, until = 0, policyExpires = false } = options
  checkHeightOrBeyond('from', from)
  checkHeightOrBeyond('until', until)
  checkBoolean('policyExpires', policyExpires)
  if (settings.freezeMode === 'sentinel' && (from !== 0 || until !== 0 || policyExpires)) {
    throw new InvalidArgumentError('from, until, policyExpires', "absent with freezeMode 'sentinel'", options)
  }
  return normaliseWindow({ from, until, policyExpires })
}

/** Heights beyond 32 bits are stored as the largest (semantics 1.12). */
function checkHeightOrBeyond(field: string, height: number): void {
  if (!Number.isSafeInteger(height) || height < 0)
    throw new InvalidArgumentError(field, 'a block height from 0', height)
}

/**
 * Freezes outputs. First the master of each is marked as having a freeze record in that record, then the output
 * is frozen: the other way about, a crash in between would leave a freeze that no reader finds (semantics 3.13).
 */
export async function freezeUtxos(
  context: StoreContext,
  targets: readonly OutputTarget[],
  window: FreezeWindow,
  signal: AbortSignal | undefined,
): Promise<void> {
  const recorded = context.settings.freezeMode === 'records'
  const args = recorded ? [window.from, window.until, window.policyExpires] : []
  const outcomes = await onOutputs(context, targets, { function: 'freeze', args, mark: recorded }, signal)
  throwFailures('frozen', outcomes)
}

export async function unfreezeUtxos(
  context: StoreContext,
  targets: readonly OutputTarget[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const outcomes = await onOutputs(context, targets, { function: 'unfreeze', args: [], mark: false }, signal)
  throwFailures('unfrozen', outcomes)
}

/** The new owner of an output: what it pays to whom, or the hash of that (semantics 1.3). */
export type NewOutput = TransactionOutput | Uint8Array

/** Gives a frozen output to another owner (semantics 2.7). */
export async function reassignUtxo(
  context: StoreContext,
  target: OutputTarget,
  newOutput: NewOutput,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { height } = context.blockState.current
  // The wait of the new owner counts from the tip: from 0 it would be over long ago.
  if (height === 0)
    throw new InvalidArgumentError('block state', 'set before an output is reassigned', height)
  const args = [newHash(target, newOutput), height, context.settings.reassignedUtxoSpendableAfterBlocks]
  const [outcome] = await onOutputs(context, [target], { function: 'reassign', args, mark: false }, signal)
  if (outcome?.error !== undefined) throw outcome.error
}

function newHash({ txid, vout }: OutputTarget, newOutput: NewOutput): Uint8Array {
  // Copied: the output is looked up first, and the caller may use its buffer again meanwhile.
  if (isHash(newOutput)) return new Uint8Array(newOutput)
  if (newOutput instanceof Uint8Array || typeof newOutput !== 'object' || newOutput === null)
    throw new InvalidArgumentError('newOutput', 'an output or a utxo hash of 32 bytes', newOutput)
  const { lockingScript, satoshis } = requireOutput(newOutput, 'newOutput')
  return utxoHashOf(txid, vout, lockingScript, satoshis)
}

function throwFailures(what: string, outcomes: readonly OutputOutcome[]): void {
  if (outcomes.some(({ error }) => error !== undefined)) throw new FreezeError(what, outcomes)
}

interface Change {
  readonly function: OutputCall['function']
  readonly args: OutputCall['args']
  /** Whether the masters are marked first. */
  readonly mark: boolean
}

/** Each step goes on with the outputs that the one before did not refuse. */
async function onOutputs(
  context: StoreContext,
  targets: readonly OutputTarget[],
  { mark, ...change }: Change,
  signal: AbortSignal | undefined,
): Promise<OutputOutcome[]> {
  const hashes = await resolveHashes(context, targets, signal)
  const known = targets.filter((_, index) => !(hashes[index] instanceof StoreError))
  const unmarked = mark ? await markMasters(context, known, signal) : NOTHING_UNMARKED
  const calls = targets.map(({ txid, vout }, index): OutputCall | StoreError => {
    const hash = hashes[index]
    if (!isHash(hash)) return hash ?? new RecordNotFoundError(txid)
    return unmarked.get(txidKey(txid)) ?? { txid, vout, utxoHash: hash, ...change }
  })
  const sent = calls.filter((call): call is OutputCall => !(call instanceof StoreError))
  const errors = await callOutputs(context, sent, signal)
  const errorOf = new Map(sent.map((call, index) => [call, errors[index]]))
  return targets.map(({ txid, vout }, index) => {
    const call = calls[index]
    return { txid, vout, error: call instanceof StoreError ? call : call && errorOf.get(call) }
  })
}

const NOTHING_UNMARKED: ReadonlyMap<string, StoreError> = new Map()

/** Marks on each master which of its records are about to carry freezes; returns why it could not, by txid key. */
async function markMasters(
  context: StoreContext,
  targets: readonly OutputTarget[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, StoreError>> {
  const masters = new Map<string, { txid: Uint8Array; records: Set<number> }>()
  for (const { txid, vout } of targets) {
    const key = txidKey(txid)
    const master = masters.get(key) ?? { txid, records: new Set() }
    masters.set(key, master)
    master.records.add(recordNumber(vout, context.settings.utxoBatchSize))
  }
  const errors = await mapRows(context, [...masters.values()], signal, {
    toRow: ({ txid, records }) => ({
      kind: 'write',
      key: { set: context.set, userKey: masterKey(txid) },
      operations: [...records].map(key => ({
        kind: 'map-put',
        bin: BINS.freezeRecordNumbers,
        key,
        value: 1,
      })),
      exists: 'update-only',
    }),
    describe: ({ txid }) => `marking the freeze on ${txidToHex(txid)}`,
    read: ({ txid }, answer) => markError(txid, answer),
  })
  return new Map(
    [...masters.keys()].flatMap((key, index) => {
      const error = errors[index]
      return error === undefined ? [] : [[key, error] as const]
    }),
  )
}

function markError(txid: Uint8Array, answer: RowAnswer | StoreError): StoreError | undefined {
  if (answer instanceof StoreError) return answer
  if (answer.status === RESULT_CODES.OK) return undefined
  if (answer.status === RESULT_CODES.NOT_FOUND) return new RecordNotFoundError(txid)
  return rowError(`marking the freeze on ${txidToHex(txid)}`, answer.status, answer.inDoubt)
}
