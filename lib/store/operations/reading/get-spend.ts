import { outpointToString } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import {
  decodeOutput,
  decodeSpendingData,
  isConsensusActive,
  isPolicyActive,
  OUTPUT_BINS,
  type OutputState,
  type SpendingData,
  slotOffset,
} from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { missingAnswerError, rowError } from '../../store-errors.ts'
import { type OutputTarget, recordKeyOf } from './output-target.ts'

/** What can be said of an output, with the reference system's number for it (semantics 3.3). */
export const SPEND_STATUS = {
  OK: 0,
  SPENT: 1,
  IMMATURE: 2,
  NOT_FOUND: 3,
  ALREADY_EXISTS: 4,
  FROZEN: 5,
  CONFLICTING: 6,
  LOCKED: 7,
} as const

export type SpendStatus = keyof typeof SPEND_STATUS

export interface SpendState {
  readonly status: SpendStatus
  /** Who spends the output, whatever the status says beside. */
  readonly spendingData: SpendingData | undefined
}

/**
 * Tells what would become of a spend of an output at a height. A missing record or slot is the status
 * `NOT_FOUND`, not an error. Of several obstacles the last of the list IMMATURE, FROZEN, CONFLICTING, LOCKED
 * is told.
 */
export async function getSpend(
  context: StoreContext,
  target: OutputTarget,
  height: number,
  signal: AbortSignal | undefined,
): Promise<SpendState> {
  const what = `reading output ${outpointToString(target)}`
  const [answer] = await context.operate(
    [{ kind: 'read', key: { set: context.set, userKey: recordKeyOf(context, target) }, bins: OUTPUT_BINS }],
    { signal },
  )
  if (answer === undefined) throw missingAnswerError(what)
  if (answer.status === RESULT_CODES.NOT_FOUND) return NOT_FOUND
  if (answer.status !== RESULT_CODES.OK) throw rowError(what, answer.status, false)
  const output = decodeOutput(answer.bins ?? {}, slotOffset(target.vout, context.settings.utxoBatchSize))
  if (output === undefined || output.slot.state === 'nil') return NOT_FOUND
  if (target.utxoHash !== undefined && Buffer.compare(target.utxoHash, output.slot.utxoHash) !== 0)
    throw new StoreError('PROCESSING', `${what}: it has another utxo hash than the one given`)
  const spendingData =
    output.slot.state === 'spent' ? decodeSpendingData(output.slot.spendingData) : undefined
  return { status: statusOf(output, height), spendingData }
}

const NOT_FOUND: SpendState = { status: 'NOT_FOUND', spendingData: undefined }

function statusOf(output: OutputState, height: number): SpendStatus {
  if (output.locked) return 'LOCKED'
  if (output.conflicting) return 'CONFLICTING'
  if (isFrozen(output, height)) return 'FROZEN'
  if (output.spendableFrom > height) return 'IMMATURE'
  return output.slot.state === 'spent' ? 'SPENT' : 'OK'
}

/** As `spendMulti` judges it: consensus whether the output is spent or not, policy only what is not spent yet. */
function isFrozen({ freeze, slot }: OutputState, height: number): boolean {
  if (freeze === undefined) return false
  return isConsensusActive(freeze, height) || (slot.state !== 'spent' && isPolicyActive(freeze, height))
}
