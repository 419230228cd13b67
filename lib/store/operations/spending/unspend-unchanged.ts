import { outpointToString, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { BINS, decodeSpendingData, deletedChildren } from '../../../record/index.ts'
import { RESULT_CODES } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { RecordNotFoundError, rowError } from '../../store-errors.ts'
import { recordIdOf, recordKeyOf } from '../reading/output-target.ts'
import { RecordChangedError, type SpentOutput, unspendRows } from './unspend-rows.ts'

/** Others write to the same records; so often more than needed is one read again before it is given up. */
const REPEATS_MAX = 8

const READ_BINS = [BINS.deletedChildren]

/**
 * A record says that the spender was accepted and has been pruned: that it has no record says nothing against its spends,
 * and freed they would be there for a double spend. Whoever prunes a transaction writes this before the transaction's own
 * records go, so that it is seen here by everybody who has found none of those.
 */
export class SpenderPrunedError extends StoreError {
  constructor(what: string) {
    super('UTXO_ERROR', `${what}: the spending transaction was accepted, and has been pruned since`)
  }
}

export interface UnspendOptions {
  readonly signal?: AbortSignal | undefined
  /** The spender gives way whatever became of it: that it has been pruned is no obstacle. */
  readonly isDecided?: boolean
}

interface Undoing {
  readonly spend: SpentOutput
  error: StoreError | undefined
}

/**
 * Undoes spends, each only while its record is as it was read here. The call of a rollback can be held up on
 * its way, by a frozen node for one, and outlive the rollback; by then the transaction may have been spent for
 * again, successfully. That spend has written the record, so the late call finds it changed and does nothing.
 *
 * Nothing is undone any more once a record says that the spender has been pruned; it is read together with the generation,
 * and so stays true until the output is freed.
 *
 * One entry for each spend, in order: undefined where it is undone, or was not there to undo.
 */
export async function unspendUnchanged(
  context: StoreContext,
  spends: readonly SpentOutput[],
  height: number,
  options: UnspendOptions = {},
): Promise<(StoreError | undefined)[]> {
  const undoings: readonly Undoing[] = spends.map(spend => ({ spend, error: undefined }))
  let pending = undoings
  for (let round = 0; pending.length > 0 && round < spends.length + REPEATS_MAX; round++) {
    const { first, rest } = firstOfEachRecord(context, pending)
    await undoOnce(context, first, height, options)
    const pruned = first.find(({ error }) => error instanceof SpenderPrunedError)
    if (pruned !== undefined) {
      for (const undoing of pending) undoing.error = pruned.error
      break
    }
    pending = [...first.filter(({ error }) => error instanceof RecordChangedError), ...rest]
  }
  return undoings.map(({ error }) => error)
}

/** Each undoing writes its record, so that a second one on the same record has to read it again. */
function firstOfEachRecord(
  context: StoreContext,
  undoings: readonly Undoing[],
): { first: Undoing[]; rest: Undoing[] } {
  const records = new Set<string>()
  const first: Undoing[] = []
  const rest: Undoing[] = []
  for (const undoing of undoings) {
    const record = recordIdOf(context, undoing.spend)
    if (records.has(record)) rest.push(undoing)
    else first.push(undoing)
    records.add(record)
  }
  return { first, rest }
}

async function undoOnce(
  context: StoreContext,
  undoings: readonly Undoing[],
  height: number,
  options: UnspendOptions,
): Promise<void> {
  const { signal } = options
  const generations = await readGenerations(context, undoings, options)
  const pruned = generations.find(reading => reading instanceof SpenderPrunedError)
  if (pruned !== undefined) {
    for (const undoing of undoings) undoing.error = pruned
    return
  }
  const readable: { undoing: Undoing; spend: SpentOutput }[] = []
  for (const [index, undoing] of undoings.entries()) {
    const generation = generations[index]
    if (generation instanceof StoreError) {
      undoing.error = generation
      continue
    }
    // Not by `...`, which leaves out what a request makes only when it is asked for it.
    const { txid, vout, utxoHash, spendingData } = undoing.spend
    readable.push({ undoing, spend: { txid, vout, utxoHash, spendingData, generation } })
  }
  const spends = readable.map(({ spend }) => spend)
  const errors = await unspendRows(context, spends, height, { signal })
  for (const [index, { undoing }] of readable.entries()) undoing.error = errors[index]
}

/** The generation of the record that holds each output; undefined where the transport does not tell it. */
function readGenerations(
  context: StoreContext,
  undoings: readonly Undoing[],
  { signal, isDecided = false }: UnspendOptions,
): Promise<(number | undefined | StoreError)[]> {
  const describe = ({ spend }: Undoing) => `reading the record of ${outpointToString(spend)}`
  return mapRows(context, undoings, signal, {
    toRow: ({ spend }) => ({
      kind: 'read',
      key: { set: context.set, userKey: recordKeyOf(context, spend) },
      bins: READ_BINS,
    }),
    describe,
    read: (undoing, answer) => {
      if (answer instanceof StoreError) return answer
      if (answer.status === RESULT_CODES.NOT_FOUND) return new RecordNotFoundError(undoing.spend.txid)
      if (answer.status !== RESULT_CODES.OK) return rowError(describe(undoing), answer.status, answer.inDoubt)
      const spender = txidToHex(decodeSpendingData(undoing.spend.spendingData).txid)
      if (!isDecided && deletedChildren(answer.bins?.[BINS.deletedChildren]).has(spender))
        return new SpenderPrunedError(describe(undoing))
      return answer.generation
    },
  })
}
