import type { AnswerListener, Batcher, BatchHandler, BatchItem } from '../../../batching/index.ts'
import {
  extendTransaction,
  requireTxid,
  type Transaction,
  type TransactionInput,
  type TransactionOutput,
  txidKey,
  txidToHex,
} from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { binsForFields, masterKey } from '../../../record/index.ts'
import type { RowAnswer } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { mapChunks } from '../../dispatch/map-chunks.ts'
import { asStoreError, missingAnswerError } from '../../store-errors.ts'
import { readExternalOutputs } from './external-body.ts'
import { decodeAnswer } from './get.ts'

const FIELDS = ['outputs'] as const

/** A transaction whose inputs lack what they spend. The answer has one output for each input. */
export interface OutpointRequest {
  readonly tx: Transaction
}

/** Adds to a transaction what its inputs spend, where it does not carry that. */
export function decorate(
  batcher: Batcher<OutpointRequest, TransactionOutput[]>,
  tx: Transaction,
  end: AnswerListener<Transaction>,
  signal: AbortSignal | undefined,
): void {
  if (tx.isExtended || tx.isCoinbase) end.succeed(tx)
  else batcher.submitTo(new Decoration(tx, end), { tx }, { signal })
}

/** Takes the outputs that a transaction's inputs spend. */
class Decoration implements AnswerListener<TransactionOutput[]> {
  readonly #tx: Transaction
  readonly #end: AnswerListener<Transaction>

  constructor(tx: Transaction, end: AnswerListener<Transaction>) {
    this.#tx = tx
    this.#end = end
  }

  succeed(outputs: TransactionOutput[]): void {
    let decorated: Transaction
    try {
      decorated = extendTransaction(this.#tx, outputs)
    } catch (error) {
      this.#end.fail(error)
      return
    }
    this.#end.succeed(decorated)
  }

  fail(error: unknown): void {
    this.#end.fail(error)
  }
}

/** A parent, and which of its outputs are wanted. */
interface Wanted {
  readonly txid: Uint8Array
  readonly vouts: Set<number>
}

/** Of each parent what was wanted of it and is there; the rest of a parent of a million outputs is let go. */
type FoundOutputs = ReadonlyMap<number, TransactionOutput>

/** By the keys of the parents' txids. */
type Parents = ReadonlyMap<string, FoundOutputs | StoreError>

/** Looks up the outputs that a batch of transactions spends; each parent is read once for the batch. */
export function outpointHandler(context: StoreContext): BatchHandler<OutpointRequest, TransactionOutput[]> {
  return async (items, { signal }) => {
    const wanted = new Map<string, Wanted>()
    const readable = items.filter(item => attempt(item, () => collect(item.request.tx, wanted)))
    const parents = await readParents(context, wanted, signal)
    for (const item of readable) {
      attempt(item, () => item.succeed(item.request.tx.inputs.map(input => previousOutput(input, parents))))
    }
  }
}

/** Notes what a transaction's inputs lack; one that carries what it spends needs no parent. */
function collect(tx: Transaction, wanted: Map<string, Wanted>): void {
  for (const input of tx.inputs) {
    if (carriedOutput(input) !== undefined) continue
    const { previousTxid, previousVout } = input
    const key = txidKey(requireTxid(previousTxid))
    const parent = wanted.get(key)
    if (parent === undefined) wanted.set(key, { txid: previousTxid, vouts: new Set([previousVout]) })
    else parent.vouts.add(previousVout)
  }
}

function carriedOutput({
  previousSatoshis: satoshis,
  previousLockingScript: lockingScript,
}: TransactionInput): TransactionOutput | undefined {
  return satoshis === undefined || lockingScript === undefined ? undefined : { satoshis, lockingScript }
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

async function readParents(
  context: StoreContext,
  wanted: ReadonlyMap<string, Wanted>,
  signal: AbortSignal,
): Promise<Parents> {
  const bins = binsForFields(FIELDS)
  const found = await mapChunks(context, [...wanted.values()], signal, async chunk => {
    try {
      const answers = await context.operate(
        chunk.map(({ txid }) => ({
          kind: 'read',
          key: { set: context.set, userKey: masterKey(txid) },
          bins,
        })),
        { signal },
      )
      return await Promise.all(chunk.map((parent, index) => foundOutputs(context, parent, answers[index])))
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      return chunk.map(() => failure)
    }
  })
  const parents = new Map<string, FoundOutputs | StoreError>()
  let next = 0
  for (const [key, { txid }] of wanted)
    parents.set(key, found[next++] ?? missingAnswerError(`reading ${txidToHex(txid)}`))
  return parents
}

async function foundOutputs(
  context: StoreContext,
  { txid, vouts }: Wanted,
  answer: RowAnswer | undefined,
): Promise<FoundOutputs | StoreError> {
  try {
    if (answer === undefined) throw missingAnswerError(`reading ${txidToHex(txid)}`)
    const outputAt = await outputsOfRecord(context, txid, answer)
    const found = new Map<number, TransactionOutput>()
    for (const vout of vouts) {
      const output = outputAt(vout)
      if (output !== undefined && output !== null) found.set(vout, output)
    }
    return found
  } catch (error) {
    return asStoreError(error, `reading ${txidToHex(txid)}`, { code: 'STORAGE_ERROR' })
  }
}

async function outputsOfRecord(
  context: StoreContext,
  txid: Uint8Array,
  answer: RowAnswer,
): Promise<(vout: number) => TransactionOutput | null | undefined> {
  const { external, outputs } = decodeAnswer({ txid, fields: FIELDS }, answer)
  if (external === true) {
    const packed = await readExternalOutputs(context, txid)
    return vout => packed.at(vout)
  }
  if (outputs === undefined)
    throw new StoreError('STORAGE_ERROR', `transaction ${txidToHex(txid)} has no outputs in its record`)
  return vout => outputs[vout]
}

/**
 * An index that the parent does not have is the submitter's fault, and the only case of `TX_INVALID` here; a
 * parent that cannot be read is ours (semantics 3.18).
 */
function previousOutput(input: TransactionInput, parents: Parents): TransactionOutput {
  const carried = carriedOutput(input)
  if (carried !== undefined) return carried
  const { previousTxid, previousVout } = input
  const found = parents.get(txidKey(previousTxid))
  if (found === undefined || found instanceof StoreError) {
    throw found ?? new StoreError('STORAGE_ERROR', `parent ${txidToHex(previousTxid)} was not read`)
  }
  const output = found.get(previousVout)
  if (output === undefined)
    throw new StoreError('TX_INVALID', `transaction ${txidToHex(previousTxid)} has no output ${previousVout}`)
  return output
}
