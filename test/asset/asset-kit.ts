import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadTransaction, TransactionSource } from '../../lib/asset/transaction-source.ts'
import {
  encodeTransaction,
  parseTransaction,
  type Transaction,
  txidKey,
  txidToHex,
} from '../../lib/bitcoin/index.ts'
import { StoreError } from '../../lib/errors/index.ts'

export const PLACEHOLDER = new Uint8Array(32).fill(0xff)

/** A transaction of its own, of about so many bytes. */
export function sampleTransaction(scriptBytes = 20): Transaction {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [
        {
          previousTxid: randomBytes(32),
          previousVout: 0,
          unlockingScript: new Uint8Array(scriptBytes),
          sequence: 0xffffffff,
          previousSatoshis: undefined,
          previousLockingScript: undefined,
        },
      ],
      outputs: [{ satoshis: 1n, lockingScript: Uint8Array.of(0x51) }],
    }),
  )
}

export interface SampleSubtree {
  /** Display hex. */
  readonly root: string
  readonly txs: readonly Transaction[]
  /** What its data file holds. */
  readonly data: Buffer
  /** The bytes of its list of transactions, magic and all. */
  readonly file: Buffer
}

export interface SampleOptions {
  readonly scriptBytes?: number
  readonly hasCoinbase?: boolean
  readonly magic?: string
}

export function sampleSubtree(
  count: number,
  { scriptBytes, hasCoinbase = false, magic = 'S-1.0   ' }: SampleOptions = {},
): SampleSubtree {
  const txs = Array.from({ length: count }, () => sampleTransaction(scriptBytes))
  const rootBytes = randomBytes(32)
  const nodes = [
    ...(hasCoinbase ? [{ txid: PLACEHOLDER, sizeBytes: 0 }] : []),
    ...txs.map(({ txid, sizeBytes }) => ({ txid, sizeBytes })),
  ]
  return {
    root: txidToHex(rootBytes),
    txs,
    data: Buffer.concat(txs.map(tx => encodeTransaction(tx))),
    file: Buffer.concat([
      Buffer.from(magic, 'latin1'),
      rootBytes,
      uint64(0),
      uint64(0),
      uint64(nodes.length),
      ...nodes.flatMap(({ txid, sizeBytes }) => [txid, uint64(0), uint64(sizeBytes)]),
      uint64(0),
    ]),
  }
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** A store that can be held up, and tells what was asked of it. */
export class HeldSource implements TransactionSource {
  readonly #txs = new Map<string, Transaction>()
  readonly #held: (() => void)[] = []
  isHeld = false
  inFlight = 0
  inFlightMax = 0
  batches: number[] = []

  add(...subtrees: readonly SampleSubtree[]): this {
    for (const { txs } of subtrees) for (const tx of txs) this.#txs.set(txidKey(tx.txid), tx)
    return this
  }

  remove(txid: Uint8Array): void {
    this.#txs.delete(txidKey(txid))
  }

  replace(txid: Uint8Array, tx: Transaction): void {
    this.#txs.set(txidKey(txid), tx)
  }

  get held(): number {
    return this.#held.length
  }

  /** Lets those that wait go on; without a number all of them, and all that come. */
  release(count?: number): void {
    if (count === undefined) this.isHeld = false
    for (const go of this.#held.splice(0, count ?? this.#held.length)) go()
  }

  async batchDecorate(txids: readonly Uint8Array[]): Promise<ReadTransaction[]> {
    this.batches.push(txids.length)
    this.inFlight += 1
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight)
    if (this.isHeld) await new Promise<void>(resolve => this.#held.push(resolve))
    this.inFlight -= 1
    return txids.map(txid => {
      const tx = this.#txs.get(txidKey(txid))
      if (tx !== undefined) return { data: { tx }, error: null }
      return { data: null, error: new StoreError('TX_NOT_FOUND', 'no such transaction') }
    })
  }
}

export interface TestFolder extends AsyncDisposable {
  readonly path: string
  put(name: string, bytes: Uint8Array): Promise<void>
}

export async function testFolder(...subtrees: readonly SampleSubtree[]): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'asset-'))
  const put = (name: string, bytes: Uint8Array): Promise<void> => writeFile(join(path, name), bytes)
  for (const { root, file } of subtrees) await put(`${root}.subtree`, file)
  return { path, put, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const PATIENCE_MS = 20_000

/** Resolves when the condition holds; rejects after many seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

export const DATA_MAGIC = Buffer.from('SD-1.0  ', 'latin1')
