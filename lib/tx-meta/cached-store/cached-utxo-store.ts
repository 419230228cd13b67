import {
  createTransaction,
  isAssembled,
  parseTransaction,
  requireTxid,
  type Transaction,
  toTxid,
} from '../../bitcoin/index.ts'
import { checkCallOptions, checkObject, InvalidArgumentError } from '../../errors/index.ts'
import { checkFields, DECORATE_FIELDS, type Field, type TransactionMetadata } from '../../record/index.ts'
import type {
  BlockState,
  BulkOptions,
  CallOptions,
  ConflictBlock,
  ConflictResult,
  CreateOptions,
  DecoratedTransaction,
  IntentFilter,
  RecoveredConflict,
  SpendAndCreateOptions,
  SpendOptions,
  SpentAndCreated,
  TransactionSource,
  TransportChoice,
  TxidInput,
} from '../../store/index.ts'
import type { FeedTarget } from '../feed/consumer.ts'
import { FlatCache, type FlatCacheStatistics } from '../flat-cache.ts'
import { type CachedMetadata, encodeMetaBytes } from '../meta-bytes.ts'
import type { StoreSurface } from './call-policies.ts'
import { EntryFreshness } from './entry-freshness.ts'
import { type EntryAge, MetaEntries } from './meta-entries.ts'
import { TableCalls } from './table-calls.ts'
import { TxidBytes } from './txid-bytes.ts'

export interface CachedUtxoStoreOptions {
  /** Memory of the cache, taken at once. By default what the store's setting `txMetaCacheMaxMB` says. */
  readonly megabytes?: number | undefined
  /**
   * How long nothing is cached of a transaction after a call on it failed without a verdict and its work has ended, in
   * milliseconds: the change may still take effect. By default as long as the store goes on with one batch.
   */
  readonly uncertainMs?: number | undefined
}

export interface CachedStoreStatistics extends FlatCacheStatistics {
  /** Entries that were too large, or no metadata at all. */
  readonly refused: number
}

/** What a batch of the store has to ask for beside these, to be cached whole. */
const ASKED_FIELDS = ['fee', 'sizeInBytes', 'isCoinbase', 'txInpoints'] as const satisfies readonly Field[]
const ADDED_FIELDS = ['blockIds', 'conflicting', 'locked', 'creating'] as const satisfies readonly Field[]
/** Whoever asks for one of them is answered all. */
const BLOCK_FIELDS = ['blockIds', 'blockHeights', 'subtreeIdxs'] as const satisfies readonly Field[]
/** Entries are believed for this part of the retention, in blocks (semantics 9.1.1). */
const RETENTION_PART = 10

/**
 * A store with a cache of transaction metadata before it, and the same calls (semantics 9.1.1). Only `getMeta` is
 * answered from it; everything else goes to the store, and what a call changes is removed. It belongs to the
 * decorator to close the store.
 *
 * A hit has `blockIds` empty, even where blocks hold the transaction by now, and no `locktime`: who needs them
 * asks with `get`. Flags are those that were read or fed last: other processes' changes come with the feed, or
 * when the entry is older than a tenth of the retention. The height is that of `setBlockState`; without it no
 * entry grows old.
 */
export class CachedUtxoStore extends TableCalls implements StoreSurface {
  readonly #cache: FlatCache
  readonly #entryBlocksMax: number
  /** Where a `FeedConsumer` puts what others have published. */
  readonly feedTarget: FeedTarget = {
    add: (txid, content) => this.setCacheFromBytes(txid, content),
    delete: txid => this.removeFromCache(txid),
  }

  /** Throws `INVALID_ARGUMENT` for memory beyond 1/32 to 2^20 megabytes. */
  constructor(store: StoreSurface, options: CachedUtxoStoreOptions = {}) {
    checkObject('store', store)
    checkObject('options', options)
    const { megabytes, uncertainMs } = options
    const { settings } = store
    const waitMs =
      settings.batchPolicyTotalTimeout + settings.overloadRetryMaxElapsed + settings.batcherWaitGrace
    if (uncertainMs !== undefined && !(Number.isFinite(uncertainMs) && uncertainMs >= 0))
      throw new InvalidArgumentError('uncertainMs', 'milliseconds from 0', uncertainMs)
    const cache = new FlatCache(megabytes ?? settings.txMetaCacheMaxMB)
    super(store, new MetaEntries(cache, new EntryFreshness()), uncertainMs ?? waitMs)
    this.#cache = cache
    const retention = settings.blockHeightRetention + settings.blockHeightRetentionAdjustment
    this.#entryBlocksMax = Math.max(1, Math.floor(retention / RETENTION_PART))
  }

  /** From the cache, or from the store, and then kept. */
  async getMeta(txid: TxidInput, options: CallOptions = {}): Promise<TransactionMetadata> {
    checkCallOptions(options)
    // As the store answers it: a call that was given up beforehand has no result.
    const hit = options.signal?.aborted ? undefined : this.entries.read(bytesOf(txid), this.#age)
    if (hit !== undefined) return hit
    // The caller may use the bytes again while the store is asked.
    const own = toTxid(txid)
    const begin = this.entries.begin()
    const metadata = await this.store.getMeta(own, options)
    this.entries.write(own, metadata, this.#height, begin)
    return metadata
  }

  /** Always from the store, which alone knows blocks; what it answers is kept, where it is all that is cached. */
  async batchDecorate(
    txids: readonly TxidInput[],
    fields: readonly Field[] = DECORATE_FIELDS,
    options: BulkOptions = {},
  ): Promise<DecoratedTransaction[]> {
    const asked = checkFields(fields)
    if (!ASKED_FIELDS.every(field => asked.includes(field)))
      return this.store.batchDecorate(txids, asked, options)
    const added = ADDED_FIELDS.filter(field => !asked.includes(field))
    const unasked = BLOCK_FIELDS.some(field => asked.includes(field))
      ? added.filter(field => field !== 'blockIds')
      : [...added, ...BLOCK_FIELDS]
    const begin = this.entries.begin()
    const decorated = await this.store.batchDecorate(txids, [...asked, ...added], options)
    const height = this.#height
    return decorated.map(entry => {
      if (entry.data === null) {
        if (entry.error?.code === 'TX_NOT_FOUND') this.entries.remove(entry.txid)
        return entry
      }
      this.entries.write(entry.txid, entry.data, height, begin)
      return unasked.length === 0 ? entry : { ...entry, data: without(entry.data, unasked) }
    })
  }

  async create(
    tx: TransactionSource,
    blockHeight: number,
    options: CreateOptions & CallOptions = {},
  ): Promise<TransactionMetadata> {
    const begin = this.entries.begin()
    const metadata = await this.store.create(tx, blockHeight, options)
    this.#keepCreated(metadata, begin)
    return metadata
  }

  async spendAndCreate(
    tx: TransactionSource,
    blockHeight: number,
    options: SpendAndCreateOptions & SpendOptions & CreateOptions = {},
  ): Promise<SpentAndCreated> {
    const begin = this.entries.begin()
    const own = assembled(tx)
    // Where it fails, it may be stored as conflicting, since it lost an input meanwhile.
    const result = await this.store
      .spendAndCreate(own ?? tx, blockHeight, options)
      .catch((error: unknown) => {
        if (own !== undefined) this.entries.remove(own.txid, this.doubtOf(error))
        throw error
      })
    if (result.metadata !== undefined) this.#keepCreated(result.metadata, begin)
    return result
  }

  async getAndLockChildren(txid: TxidInput, options: CallOptions = {}): Promise<Uint8Array[]> {
    const own = toTxid(txid)
    const children = await this.changingUnknown(() => this.store.getAndLockChildren(own, options))
    await this.entries.removeAll(new TxidBytes([own, ...children]))
    return children
  }

  async processConflicting(
    winners: readonly TxidInput[],
    block: ConflictBlock,
    options: CallOptions = {},
  ): Promise<ConflictResult> {
    const own = Array.isArray(winners)
      ? Array.from(winners, (txid, index) => toTxid(txid, `winners[${index}]`))
      : winners
    const result = await this.changingUnknown(() => this.store.processConflicting(own, block, options))
    await this.#removeConflicting([...own, ...result.losers, ...result.markedConflicting])
    return result
  }

  async recoverConflicts(isWanted?: IntentFilter, options: CallOptions = {}): Promise<RecoveredConflict[]> {
    const recovered = await this.changingUnknown(() => this.store.recoverConflicts(isWanted, options))
    // An intent that failed again stands in the middle of its work.
    this.entries.clear()
    return recovered
  }

  get transport(): StoreSurface['transport'] {
    return this.store.transport
  }

  set transport(transport: StoreSurface['transport']) {
    this.store.transport = transport
  }

  get transportChoice(): TransportChoice {
    return this.store.transportChoice
  }

  get settings(): StoreSurface['settings'] {
    return this.store.settings
  }

  get blockState(): BlockState {
    return this.store.blockState
  }

  /** Closes the store. Idempotent. */
  async close(options: CallOptions = {}): Promise<void> {
    checkCallOptions(options)
    this.entries.close()
    await this.store.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Keeps metadata from elsewhere. Throws `PROCESSING` where it is too large or conflicting. */
  setCache(txid: TxidInput, metadata: CachedMetadata): void {
    checkObject('metadata', metadata)
    this.setCacheFromBytes(txid, encodeMetaBytes(metadata))
  }

  /** Keeps meta bytes from elsewhere, copied. Throws `PROCESSING` for what is none, too large, or conflicting. */
  setCacheFromBytes(txid: TxidInput, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw new InvalidArgumentError('bytes', 'meta bytes', bytes)
    this.entries.writeBytes(bytesOf(txid), bytes, this.#height)
  }

  /** As `setCacheFromBytes`, entry by entry; what is refused is passed over. Returns how many were kept. */
  setCacheMulti(entries: Iterable<readonly [txid: TxidInput, bytes: Uint8Array]>): number {
    if (typeof entries?.[Symbol.iterator] !== 'function')
      throw new InvalidArgumentError('entries', 'an iterable of txids with bytes', entries)
    let kept = 0
    for (const entry of entries) {
      try {
        const [txid, bytes] = entry
        if (this.entries.writeBytes(bytesOf(txid), bytes, this.#height)) kept += 1
      } catch {}
    }
    return kept
  }

  /** Takes a transaction out of the cache; the store keeps it. */
  removeFromCache(txid: TxidInput): void {
    this.entries.remove(bytesOf(txid))
  }

  get cacheStatistics(): CachedStoreStatistics {
    return { ...this.#cache.statistics, refused: this.entries.refused }
  }

  get #height(): number {
    return this.store.blockState.height
  }

  get #age(): EntryAge {
    return { height: this.#height, entryBlocksMax: this.#entryBlocksMax }
  }

  #keepCreated(metadata: TransactionMetadata, begin: ReturnType<MetaEntries['begin']>): void {
    if (metadata.txid !== undefined) this.entries.write(metadata.txid, metadata, this.#height, begin)
  }

  /** The answer names winners and losers; the parents of all of them were locked and unlocked on the way. */
  async #removeConflicting(txids: readonly TxidInput[]): Promise<void> {
    const concerned = new TxidBytes(txids)
    await this.entries.removeAll(concerned)
    if (concerned.length === 0) return
    try {
      const list = Array.from({ length: concerned.length }, (_, index) => concerned.at(index))
      const read = await this.store.batchDecorate(list, ['txInpoints'])
      const parents = read.map(({ data }) => data?.txInpoints?.map(({ txid }) => txid))
      if (parents.includes(undefined)) this.entries.clear()
      else await this.entries.removeAll(new TxidBytes(parents.flatMap(parent => parent ?? [])))
    } catch {
      this.entries.clear()
    }
  }
}

function without(metadata: TransactionMetadata, fields: readonly Field[]): TransactionMetadata {
  return Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !(fields as readonly string[]).includes(name)),
  )
}

/** Parsed once, for its txid and for the store; undefined where that is not possible, which the store will say. */
function assembled(tx: TransactionSource): Transaction | undefined {
  try {
    if (tx instanceof Uint8Array) return parseTransaction(tx)
    return isAssembled(tx) ? tx : createTransaction(tx)
  } catch {
    return undefined
  }
}

/** The cache is done with a txid when it answers: bytes need no copy before. */
function bytesOf(txid: TxidInput): Uint8Array {
  return typeof txid === 'string' ? toTxid(txid) : requireTxid(txid)
}
