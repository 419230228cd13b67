import type { BatchHandler, BatchItem } from '../../../batching/index.ts'
import { type Transaction, type TransactionOutput, txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { binsForFields, masterKey } from '../../../record/index.ts'
import type { RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapChunks } from '../../dispatch/map-chunks.ts'
import { asStoreError, missingAnswerError } from '../../store-errors.ts'
import { completeRecord } from './complete-record.ts'
import { decodeAnswer } from './get.ts'

const FIELDS = ['outputs'] as const

/** A transaction whose inputs lack what they spend. The answer has one output for each input. */
export interface OutpointRequest {
  readonly tx: Transaction
}

type Outputs = readonly (TransactionOutput | null)[]
type Parents = ReadonlyMap<string, Outputs | StoreError>

/** Looks up the outputs that a batch of transactions spends; each parent is read once for the batch. */
export function outpointHandler(context: StoreContext): BatchHandler<OutpointRequest, TransactionOutput[]> {
  return async (items, { signal }) => {
    const txids = new Map<string, Uint8Array>()
    const readable = items.filter(item =>
      attempt(item, () => {
        for (const { previousTxid } of item.request.tx.inputs)
          txids.set(txidToHex(previousTxid), previousTxid)
      }),
    )
    const parents = await readParents(context, txids, signal)
    for (const item of readable) {
      attempt(item, () =>
        item.succeed(
          item.request.tx.inputs.map(input =>
            previousOutput(input.previousTxid, input.previousVout, parents),
          ),
        ),
      )
    }
  }
}

/** What it throws fails this item alone. */
function attempt(item: BatchItem<OutpointRequest, TransactionOutput[]>, work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    item.fail(asStoreError(error, 'decorating a transaction', { code: 'PROCESSING' }))
    return false
  }
}

/** Parents by display-hex txid. */
async function readParents(
  context: StoreContext,
  txids: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal,
): Promise<Parents> {
  const bins = binsForFields(FIELDS)
  const outputs = await mapChunks(context, [...txids.values()], signal, async chunk => {
    try {
      const answers = await context.operate(
        chunk.map(txid => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins })),
        { signal },
      )
      return await Promise.all(
        chunk.map((txid, index) => parentOutputs(context, txid, answers[index], signal)),
      )
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      return chunk.map(() => failure)
    }
  })
  return new Map(
    [...txids.keys()].map((hex, index) => [hex, outputs[index] ?? missingAnswerError(`reading ${hex}`)]),
  )
}

async function parentOutputs(
  context: StoreContext,
  txid: Uint8Array,
  answer: RowAnswer | undefined,
  signal: AbortSignal,
): Promise<Outputs | StoreError> {
  const what = `reading ${txidToHex(txid)}`
  try {
    if (answer === undefined) throw missingAnswerError(what)
    const { outputs } = await completeRecord(
      context,
      txid,
      decodeAnswer({ txid, fields: FIELDS }, answer),
      FIELDS,
      signal,
    )
    if (outputs === undefined)
      throw new StoreError('STORAGE_ERROR', `transaction ${txidToHex(txid)} has no outputs in its record`)
    return outputs
  } catch (error) {
    return asStoreError(error, what, { code: 'STORAGE_ERROR' })
  }
}

/**
 * An index that the parent does not have is the submitter's fault, and the only case of `TX_INVALID` here; a
 * parent that cannot be read is ours (semantics 3.18).
 */
function previousOutput(txid: Uint8Array, vout: number, parents: Parents): TransactionOutput {
  const outputs = parents.get(txidToHex(txid))
  if (outputs === undefined || outputs instanceof StoreError) {
    throw outputs ?? new StoreError('STORAGE_ERROR', `parent ${txidToHex(txid)} was not read`)
  }
  const output = outputs[vout]
  if (output === undefined || output === null) {
    throw new StoreError('TX_INVALID', `transaction ${txidToHex(txid)} has no output ${vout}`)
  }
  return output
}
