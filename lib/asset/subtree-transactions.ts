import { setImmediate as turn } from 'node:timers/promises'
import { doubleSha256, encodeTransaction, txidToHex } from '../bitcoin/index.ts'
import { StoreError } from '../errors/index.ts'
import { fetchInOrder, readerGone } from './fetch-in-order.ts'
import type { SubtreeNode, SubtreeNodes } from './subtree-files.ts'
import { isCoinbasePlaceholder } from './subtree-format.ts'
import type { ReadTransaction, TransactionSource } from './transaction-source.ts'

export interface BuildOptions {
  readonly source: TransactionSource
  /** Transactions that are read at once, and their bytes as the subtree tells them; one larger one goes alone. */
  readonly chunkTransactionsMax: number
  readonly chunkBytesMax: number
  /** Reads at a time. */
  readonly fetchConcurrency: number
  readonly signal: AbortSignal
}

/** Which transactions are read at once. */
interface ChunkRequest {
  /** Index of the first of them in the subtree. */
  readonly from: number
  readonly txids: readonly Uint8Array[]
}

/** Encodings, for parsed transactions take several times their bytes; each piece is dropped when it is handed out. */
interface Chunk {
  readonly pieces: (Uint8Array | undefined)[]
}

/** Between two looks at the signal lie so many transactions at the most (semantics 9.2). */
const PIECE_TRANSACTIONS_MAX = 256
/** Enough for one write; a piece of large transactions is not 256 of them. */
const PIECE_BYTES = 256 * 1024

/**
 * The standard encodings of a subtree's transactions in its order, from the store; each is proven against its
 * txid. At most `2 × fetchConcurrency + 1` chunks are held, whatever the subtree's size.
 *
 * Throws `PROCESSING` where a transaction is not there or is not what the subtree says, `CONTEXT_CANCELED` when
 * the signal fires.
 */
export async function* subtreeTransactions(
  nodes: SubtreeNodes,
  { source, chunkTransactionsMax, chunkBytesMax, fetchConcurrency, signal }: BuildOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const requests = chunkRequests(nodes, chunkTransactionsMax, chunkBytesMax)
  const fetch = async (request: ChunkRequest): Promise<Chunk> => {
    // Without the signal: it would give the permit back while the batch is still under way in the server.
    const answers = await source.batchDecorate(request.txids, ['tx'])
    return { pieces: await encodedPieces(request, answers, signal) }
  }
  for await (const { pieces } of fetchInOrder(requests, fetch, { concurrency: fetchConcurrency, signal })) {
    for (const [index, piece] of pieces.entries()) {
      pieces[index] = undefined
      if (piece !== undefined) yield piece
    }
  }
}

async function* chunkRequests(
  nodes: SubtreeNodes,
  transactionsMax: number,
  bytesMax: number,
): AsyncGenerator<ChunkRequest, void, undefined> {
  let from = 0
  if (nodes.count > 0) {
    const [first] = await nodes.read(0, 1)
    // The store does not have the coinbase by that name; the block brings it along.
    if (first !== undefined && isCoinbasePlaceholder(first.txid)) from = 1
  }
  while (from < nodes.count) {
    const found = await nodes.read(from, transactionsMax)
    const txids = found.slice(0, fitting(found, bytesMax)).map(({ txid }) => txid)
    yield { from, txids }
    from += txids.length
  }
}

/** How many of the nodes fit into so many bytes; at least one. */
function fitting(nodes: readonly SubtreeNode[], bytesMax: number): number {
  let bytes = 0
  for (const [index, { sizeBytes }] of nodes.entries()) {
    bytes += sizeBytes
    if (bytes > bytesMax && index > 0) return index
  }
  return nodes.length
}

async function encodedPieces(
  { from, txids }: ChunkRequest,
  answers: readonly ReadTransaction[],
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  let [encoded, bytes]: [Uint8Array[], number] = [[], 0]
  for (const [index, txid] of txids.entries()) {
    const encoding = provenEncoding(txid, answers[index], from + index)
    encoded.push(encoding)
    bytes += encoding.length
    const isFull = encoded.length >= PIECE_TRANSACTIONS_MAX || bytes >= PIECE_BYTES
    if (!isFull && index < txids.length - 1) continue
    pieces.push(Buffer.concat(encoded, bytes))
    ;[encoded, bytes] = [[], 0]
    // A disconnect is an event, and is heard of in a turn of the event loop only.
    await turn()
    if (signal.aborted) throw readerGone(signal)
  }
  return pieces
}

/** A wrong transaction must not reach a file that peers trust. */
function provenEncoding(txid: Uint8Array, answer: ReadTransaction | undefined, index: number): Uint8Array {
  const tx = answer?.data?.tx
  if (tx === undefined) {
    const text = `transaction ${txidToHex(txid)} (${index} of the subtree) cannot be read from the store`
    throw new StoreError('PROCESSING', text, { cause: answer?.error })
  }
  const encoding = encodeTransaction(tx)
  if (Buffer.compare(doubleSha256(encoding), txid) !== 0) {
    const text = `the store has another transaction as ${txidToHex(txid)} (${index} of the subtree)`
    throw new StoreError('PROCESSING', text)
  }
  return encoding
}
