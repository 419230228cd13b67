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

/** A transaction whose inputs lack what they spend. */
export interface OutpointRequest {
  readonly tx: Transaction
}

/**
 * One output for each input; as a promise where the body of a parent is still to be read. That goes on when the
 * batch has ended: a body that does not come would hold up every other transaction, and the batches behind.
 */
export type PreviousOutputs = TransactionOutput[] | Promise<TransactionOutput[]>

/** Adds to a transaction what its inputs spend, where it does not carry that. */
export function decorate(
  batcher: Batcher<OutpointRequest, PreviousOutputs>,
  tx: Transaction,
  end: AnswerListener<Transaction>,
  signal: AbortSignal | undefined,
): void {
  if (tx.isExtended || tx.isCoinbase) end.succeed(tx)
  else batcher.submitTo(new Decoration(tx, end), { tx }, { signal })
}

/** Takes the outputs that a transaction's inputs spend. */
class Decoration implements AnswerListener<PreviousOutputs> {
  readonly #tx: Transaction
  readonly #end: AnswerListener<Transaction>

  constructor(tx: Transaction, end: AnswerListener<Transaction>) {
    this.#tx = tx
    this.#end = end
  }

  succeed(outputs: PreviousOutputs): void {
    if (outputs instanceof Promise)
      outputs.then(
        later => this.#extend(later),
        error => this.#end.fail(error),
      )
    else this.#extend(outputs)
  }

  fail(error: unknown): void {
    this.#end.fail(error)
  }

  #extend(outputs: TransactionOutput[]): void {
    let decorated: Transaction
    try {
      decorated = extendTransaction(this.#tx, outputs)
    } catch (error) {
      this.#end.fail(error)
      return
    }
    this.#end.succeed(decorated)
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
interface Parents {
  readonly known: Map<string, FoundOutputs | StoreError>
  /** Those whose bodies are being read: each is `known` when its promise, which never rejects, has come. */
  readonly awaited: ReadonlyMap<string, Promise<void>>
}

/** Looks up the outputs that a batch of transactions spends; each parent is read once for the batch. */
export function outpointHandler(context: StoreContext): BatchHandler<OutpointRequest, PreviousOutputs> {
  return async (items, { signal }) => {
    const wanted = new Map<string, Wanted>()
    const readable = items.filter(item => attempt(item, () => collect(item.request.tx, wanted)))
    const parents = await readParents(context, wanted, signal)
    for (const item of readable) attempt(item, () => item.succeed(previousOutputs(item.request.tx, parents)))
  }
}

function previousOutputs(tx: Transaction, { known, awaited }: Parents): PreviousOutputs {
  const outputs = (): TransactionOutput[] => tx.inputs.map(input => previousOutput(input, known))
  if (awaited.size === 0) return outputs()
  const bodies = new Set<Promise<void>>()
  for (const input of tx.inputs) {
    const body = carriedOutput(input) === undefined ? awaited.get(txidKey(input.previousTxid)) : undefined
    if (body !== undefined) bodies.add(body)
  }
  if (bodies.size === 0) return outputs()
  const later = Promise.all(bodies).then(outputs).catch(throwTyped)
  // Where its caller has gone, nobody is left to be told of its failure.
  later.catch(() => {})
  return later
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
function attempt(item: BatchItem<OutpointRequest, PreviousOutputs>, work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    item.fail(typed(error))
    return false
  }
}

function typed(error: unknown): StoreError {
  return asStoreError(error, 'decorating a transaction', { code: 'PROCESSING' })
}

function throwTyped(error: unknown): never {
  throw typed(error)
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
      return chunk.map((parent, index) => foundInRecord(parent, answers[index]))
    } catch (error) {
      const failure = asStoreError(error, 'the batch failed', { code: 'STORAGE_ERROR' })
      return chunk.map(() => failure)
    }
  })
  const known = new Map<string, FoundOutputs | StoreError>()
  const awaited = new Map<string, Promise<void>>()
  let next = 0
  for (const [key, parent] of wanted) {
    const result = found[next++] ?? missingAnswerError(`reading ${txidToHex(parent.txid)}`)
    if (result !== IN_BODY) known.set(key, result)
    else {
      const read = async (): Promise<void> => {
        known.set(key, await foundInBody(context, parent))
      }
      awaited.set(key, read())
    }
  }
  return { known, awaited }
}

/** What a record says of outputs that lie in the external store. */
const IN_BODY = 'in its body'

function foundInRecord(
  { txid, vouts }: Wanted,
  answer: RowAnswer | undefined,
): FoundOutputs | StoreError | typeof IN_BODY {
  try {
    if (answer === undefined) throw missingAnswerError(`reading ${txidToHex(txid)}`)
    const { external, outputs } = decodeAnswer({ txid, fields: FIELDS }, answer)
    if (external === true) return IN_BODY
    // No transaction is without: it would make the index of the submitter look wrong.
    if (outputs === undefined || outputs.length === 0)
      throw new StoreError('STORAGE_ERROR', `transaction ${txidToHex(txid)} has no outputs in its record`)
    return picked(vouts, vout => outputs[vout])
  } catch (error) {
    return asStoreError(error, `reading ${txidToHex(txid)}`, { code: 'STORAGE_ERROR' })
  }
}

async function foundInBody(
  context: StoreContext,
  { txid, vouts }: Wanted,
): Promise<FoundOutputs | StoreError> {
  try {
    const packed = await readExternalOutputs(context, txid)
    return picked(vouts, vout => packed.at(vout))
  } catch (error) {
    return asStoreError(error, `reading ${txidToHex(txid)}`, { code: 'STORAGE_ERROR' })
  }
}

function picked(
  vouts: ReadonlySet<number>,
  outputAt: (vout: number) => TransactionOutput | null | undefined,
): FoundOutputs {
  const found = new Map<number, TransactionOutput>()
  for (const vout of vouts) {
    const output = outputAt(vout)
    if (output !== undefined && output !== null) found.set(vout, output)
  }
  return found
}

/**
 * An index that the parent does not have is the submitter's fault, and the only case of `TX_INVALID` here; a
 * parent that cannot be read is ours (semantics 3.18).
 */
function previousOutput(
  input: TransactionInput,
  parents: ReadonlyMap<string, FoundOutputs | StoreError>,
): TransactionOutput {
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
