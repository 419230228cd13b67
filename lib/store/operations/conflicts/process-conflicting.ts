import { TXID_BYTES, toTxid, txidToHex } from '../../../bitcoin/index.ts'
import { checkObject, type ErrorCode, InvalidArgumentError, StoreError } from '../../../errors/index.ts'
import { checkHeight, type TxidInput } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { asStoreError } from '../../store-errors.ts'
import { uniqueTxids } from '../../txids.ts'
import { beginIntent, type ConflictIntent, completeIntent, forwardIntent, isPending } from './conflict-log.ts'
import { planConflict } from './conflict-plan.ts'
import { type ConflictPhase, ConflictRun } from './conflict-run.ts'
import { retried } from './retried.ts'

/** The block that decides a conflict. */
export interface ConflictBlock {
  readonly blockHeight: number
  /** 32 bytes in internal order, or display hex. */
  readonly blockHash: TxidInput
}

export interface ConflictResult {
  /** Who held what the winners spend, and all descendants of those: 32 bytes each, internal order. */
  readonly losers: readonly Uint8Array[]
  /** Every transaction that this call marked as conflicting: the losers, and spenders of theirs met on the way. */
  readonly markedConflicting: readonly Uint8Array[]
}

/**
 * Conflict processing failed in a phase. `isUndone`: everything is as it was before, but for transactions that lack an
 * input now, which stay conflicting and hold nothing; nothing is pending. Otherwise a change is in doubt, or it stopped in
 * the middle, with the outputs concerned locked, and the intent stays pending: `recoverConflicts`, or the same call again,
 * brings it to its end.
 */
export class ConflictError extends StoreError {
  override readonly name = 'ConflictError'
  readonly phase: ConflictPhase
  readonly isUndone: boolean

  constructor(code: ErrorCode, phase: ConflictPhase, isUndone: boolean, cause: unknown, message: string) {
    super(code, message, { cause })
    this.phase = phase
    this.isUndone = isUndone
  }
}

/** Checks the arguments of `processConflicting`; the winners each once, in order. */
export function checkConflict(winners: readonly TxidInput[], block: ConflictBlock): ConflictIntent {
  if (!Array.isArray(winners) || winners.length === 0)
    throw new InvalidArgumentError('winners', 'an array of at least one txid', winners)
  checkObject('block', block)
  checkHeight('block.blockHeight', block.blockHeight, { minimum: 1 })
  const txids = uniqueTxids(Array.from(winners, (txid, index) => toTxid(txid, `winners[${index}]`)))
  const blockHash = toTxid(block.blockHash, 'block.blockHash')
  if (blockHash.length !== TXID_BYTES) throw new InvalidArgumentError('blockHash', '32 bytes', blockHash)
  return forwardIntent(block.blockHeight, blockHash, txids)
}

/** Makes transactions win: plan, log, five phases, and the way back where one fails (semantics 3.10). */
export async function processConflicting(
  context: StoreContext,
  intent: ConflictIntent,
  signal: AbortSignal | undefined,
): Promise<ConflictResult> {
  const isResumed = await isPending(context, intent.id, signal)
  const plan = await planConflict(context, intent.txids, isResumed, signal)
  if (plan.isSettled && !isResumed) return { losers: [], markedConflicting: [] }
  if (signal?.aborted)
    throw new StoreError('CONTEXT_CANCELED', 'the call was given up before it changed anything', {
      cause: signal.reason,
    })
  if (!isResumed) await begin(context, intent)

  const run = new ConflictRun(context, plan, intent.blockHeight, isResumed)
  try {
    await run.forward()
  } catch (error) {
    throw await failed(context, intent, run, isResumed, error)
  }
  try {
    await retried(() => completeIntent(context, intent.id))
  } catch (error) {
    run.phase = 'complete'
    throw conflictError(intent, run.phase, false, error)
  }
  return { losers: plan.losers, markedConflicting: run.marked }
}

/** A begin whose answer was lost must not leave an intent that nobody knows of. */
async function begin(context: StoreContext, intent: ConflictIntent): Promise<void> {
  try {
    await beginIntent(context, intent)
  } catch (error) {
    await completeIntent(context, intent.id).catch((failure: unknown) =>
      context.logger.warn(
        { event: 'conflict_intent_left', intent: txidToHex(intent.id), err: failure },
        'an intent that was not begun may be in the conflict log',
      ),
    )
    throw error
  }
}

/**
 * The way back. A run that was taken up again, or that had only its locks to lift, is left where it stands: what
 * its predecessor changed is not known, and forward is the way out. So is one of which a change is in doubt: it could take
 * effect after it was undone.
 */
async function failed(
  context: StoreContext,
  intent: ConflictIntent,
  run: ConflictRun,
  isResumed: boolean,
  error: unknown,
): Promise<ConflictError> {
  const { phase } = run
  if (isResumed || phase === 'unlock' || run.isInDoubt)
    return reported(context, conflictError(intent, phase, false, error))
  try {
    await run.back()
    await retried(() => completeIntent(context, intent.id))
  } catch (failure) {
    context.logger.error(
      { event: 'conflict_undo_failed', intent: txidToHex(intent.id), phase, err: failure },
      'what conflict processing had done could not be undone; it stays pending',
    )
    return reported(context, conflictError(intent, phase, false, error))
  }
  return reported(context, conflictError(intent, phase, true, error))
}

function reported(context: StoreContext, error: ConflictError): ConflictError {
  const { phase, isUndone } = error
  context.logger[isUndone ? 'warn' : 'error'](
    { event: 'conflict_failed', phase, isUndone, err: error },
    'conflict processing failed',
  )
  return error
}

function conflictError(
  intent: ConflictIntent,
  phase: ConflictPhase,
  isUndone: boolean,
  error: unknown,
): ConflictError {
  const cause = asStoreError(error, 'conflict processing')
  const end = isUndone ? 'it was undone' : `it is pending (intent ${txidToHex(intent.id)})`
  // Not a verdict on the data where the outcome is open.
  const code = isUndone ? cause.code : 'STORAGE_ERROR'
  return new ConflictError(
    code,
    phase,
    isUndone,
    cause,
    `conflict processing failed in the phase "${phase}", ${end}: ${cause.message}`,
  )
}
