import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '../../errors/index.ts'
import type { TransactionMetadata } from '../../record/index.ts'
import type { FlatCache } from '../flat-cache.ts'
import { type CachedMetadata, checkMetaBytes, decodeMetaBytes, encodeMetaBytes } from '../meta-bytes.ts'
import type { Doubt, EntryFreshness, ReadBegin } from './entry-freshness.ts'
import type { TxidBytes } from './txid-bytes.ts'

/** Txids between two turns of the event loop: a block has millions of transactions. */
const TXIDS_OF_A_TURN = 2_048

/** The tip and how far back an entry is believed. */
export interface EntryAge {
  readonly height: number
  /** Blocks. */
  readonly entryBlocksMax: number
}

/** What is cached of transactions, and the rules of what may be (semantics 9.1.1). */
export class MetaEntries {
  readonly #cache: FlatCache
  readonly #freshness: EntryFreshness
  #refused = 0

  constructor(cache: FlatCache, freshness: EntryFreshness) {
    this.#cache = cache
    this.#freshness = freshness
  }

  /** Entries that were too large, or no metadata at all. */
  get refused(): number {
    return this.#refused
  }

  begin(): ReadBegin {
    return this.#freshness.begin()
  }

  read(txid: Uint8Array, { height, entryBlocksMax }: EntryAge): TransactionMetadata | undefined {
    const bytes = this.#cache.get(txid, Math.max(0, height - entryBlocksMax))
    if (bytes === undefined) return undefined
    try {
      return answerOf(decodeMetaBytes(bytes))
    } catch {
      // Only bytes from elsewhere can be so: the store knows better.
      this.#refused += 1
      this.#cache.delete(txid)
      return undefined
    }
  }

  /**
   * Keeps what the store answered to a read or a creation that began then, unless it must not be kept; what was kept
   * before is older, and goes in any case.
   */
  write(txid: Uint8Array, metadata: TransactionMetadata, height: number, begin: ReadBegin): void {
    if (!this.#freshness.isFresh(txid, begin)) return
    const complete = cacheable(metadata)
    if (complete === undefined) {
      this.remove(txid)
      return
    }
    try {
      this.#cache.set(txid, encodeMetaBytes(complete), height)
    } catch (error) {
      // It is not cached, and nobody needs to know (semantics 9.1.1).
      if (!(error instanceof StoreError)) throw error
      this.#refused += 1
    }
  }

  /**
   * Keeps bytes from elsewhere; false where a change of the transaction is in doubt, and nothing can be kept of it. Throws
   * `PROCESSING` for what is none, too large, or conflicting.
   */
  writeBytes(txid: Uint8Array, bytes: Uint8Array, height: number): boolean {
    try {
      checkMetaBytes(bytes)
      if (!this.#freshness.isSettled(txid)) return false
      this.#cache.set(txid, bytes, height)
      // What was read before is older than this.
      this.#freshness.changed(txid)
      return true
    } catch (error) {
      this.#refused += 1
      // Whatever it was, it is newer than what is kept.
      this.remove(txid)
      throw error
    }
  }

  /** With `doubt`, nothing is kept of it as long as that lasts. */
  remove(txid: Uint8Array, doubt?: Doubt): void {
    // The caller may use the bytes again before the doubt ends.
    const own = doubt === undefined ? txid : Uint8Array.from(txid)
    this.#drop(own, doubt)
    void doubt?.ended?.then(() => this.#freshness.release(own, doubt.uncertainMs))
  }

  async removeAll(txids: TxidBytes, doubt?: Doubt): Promise<void> {
    await eachInTurns(txids, txid => this.#drop(txid, doubt))
    void doubt?.ended?.then(() =>
      eachInTurns(txids, txid => this.#freshness.release(txid, doubt.uncertainMs)),
    )
  }

  clear(doubt?: Doubt): void {
    this.#freshness.changed('all')
    this.#cache.clear()
    this.#doubt('all', doubt)
    void doubt?.ended?.then(() => this.#freshness.release('all', doubt.uncertainMs))
  }

  /** Nothing is kept from now on: the feed may go on after the store was closed. */
  close(): void {
    this.clear()
    this.#freshness.hold('all')
  }

  #drop(txid: Uint8Array, doubt: Doubt | undefined): void {
    this.#freshness.changed(txid)
    this.#cache.delete(txid)
    this.#doubt(txid, doubt)
  }

  #doubt(of: Uint8Array | 'all', doubt: Doubt | undefined): void {
    if (doubt === undefined) return
    if (doubt.ended === undefined) this.#freshness.doubt(of, doubt.uncertainMs)
    else this.#freshness.hold(of)
  }
}

async function eachInTurns(txids: TxidBytes, act: (txid: Uint8Array) => void): Promise<void> {
  for (let index = 0; index < txids.length; index++) {
    if (index > 0 && index % TXIDS_OF_A_TURN === 0) await nextTurn()
    act(txids.at(index))
  }
}

/**
 * The whole of it, or nothing. A transaction that is being created, or of which only outputs are known, is not
 * complete. One that is conflicting or in a block is left out: other nodes change it, it is the only kind that is
 * pruned, and a hit would have to tell its blocks.
 */
function cacheable(metadata: TransactionMetadata): CachedMetadata | undefined {
  const { fee, sizeInBytes, isCoinbase, conflicting, locked, creating, txInpoints, blockIds } = metadata
  if (fee === undefined || isCoinbase === undefined || locked === undefined) return undefined
  if (creating !== false || conflicting !== false || blockIds?.length !== 0) return undefined
  if (!sizeInBytes || txInpoints === undefined || txInpoints.length === 0) return undefined
  // Freezes are a matter of single outputs: nobody is to take this bit for an answer.
  return { fee, sizeInBytes, isCoinbase, frozen: false, conflicting, locked, txInpoints }
}

/** A hit as the store would have answered; it never knows blocks. */
function answerOf({
  fee,
  sizeInBytes,
  isCoinbase,
  conflicting,
  locked,
  txInpoints,
}: CachedMetadata): TransactionMetadata {
  return {
    fee,
    sizeInBytes,
    isCoinbase,
    conflicting,
    locked,
    txInpoints,
    creating: false,
    blockIds: [],
    blockHeights: [],
    subtreeIdxs: [],
  }
}
