import { setImmediate as turn } from 'node:timers/promises'
import { InvalidArgumentError, StoreError, wholeNumber } from '../errors/index.ts'
import { applyChanges, type Change, type Changes, DELETED } from './coalesced-changes.ts'
import { checkBatch, checkKey, checkValue, type MetadataBatch, type MetadataStore } from './metadata-store.ts'

/** The part of a logger that the writer uses; pino fits as it is. */
export interface MetadataLogger {
  error(fields: object, message: string): void
}

export interface CoalescingMetadataOptions {
  /** Keys that may wait to be written; a write to one more waits for room. 8,192 by default. */
  readonly queueKeysMax?: number
  /** Told of every batch that failed. */
  readonly logger: MetadataLogger
}

const QUEUE_KEYS_MAX = 8_192
const DONE = Promise.resolve()

interface Flush {
  resolve(): void
  reject(error: StoreError): void
}

/** Changes between two calls that pass through. They may join one batch; no change of another section may. */
interface Section {
  /** Those that wait for the next batch: the last one of each key. */
  changes: Map<string, Change>
  flushes: Flush[]
  /** The call that follows when all changes are written; undefined while the section is open. Never rejects. */
  call: (() => Promise<void>) | undefined
}

interface Waiting {
  readonly section: Section
  readonly key: string
  readonly change: Change
  readonly admitted: Promise<void>
  admit(): void
}

/**
 * Makes small metadata writes cheap for their callers: `setMetadata` and `deleteMetadata` only put the change
 * down, and one writer in the background applies what has come together as one atomic batch, the last change of
 * each key only (semantics 9.3). A batch that the base store has no room for is applied in parts, so that only what
 * does not fit is lost. Everything else passes through.
 *
 * Changes of a key take effect in the order of the calls, those of `batchMetadata` too, and batches follow one
 * another. **A read right after a write may still see the older value; `flush()` resolves when all writes before it
 * are durable.** A crash loses what is not flushed: what must not be lost goes through `batchMetadata`.
 */
export class CoalescingMetadata implements MetadataStore {
  readonly #base: MetadataStore
  readonly #logger: MetadataLogger
  readonly #queueKeysMax: number
  /** What is to be written, in order; only the last section is open. */
  #open = openSection()
  readonly #sections: Section[] = [this.#open]
  /** Keys in the changes of all sections. */
  #keys = 0
  /** Callers that found no room, in the order of their calls. While there are any, there is no room. */
  #waiting: Waiting[] = []
  /** The writer, while there is something to do; never rejects. */
  #writing: Promise<void> | undefined
  #firstError: StoreError | undefined
  #unflushedError: StoreError | undefined
  #closing: Promise<void> | undefined
  #isClosed = false

  /** Takes `base` over: it is closed with this store. Throws `INVALID_ARGUMENT`. */
  constructor(base: MetadataStore, options: CoalescingMetadataOptions) {
    const { queueKeysMax = QUEUE_KEYS_MAX, logger } = options ?? {}
    // Without one, failures would go unheard.
    if (typeof logger?.error !== 'function')
      throw new InvalidArgumentError('logger', 'an object with a function error', logger)
    this.#base = base
    this.#logger = logger
    this.#queueKeysMax = wholeNumber('queueKeysMax', queueKeysMax, 1, Number.MAX_SAFE_INTEGER)
  }

  /**
   * Puts the change down and resolves at once, or, where too many keys wait, when there is room again; it does
   * not wait for the server. The value is copied. Throws `INVALID_ARGUMENT`, and `SERVICE_UNAVAILABLE` after close.
   */
  setMetadata(key: string, value: Uint8Array): Promise<void> {
    checkKey(key)
    checkValue(value)
    return this.#enqueue(key, Uint8Array.from(value))
  }

  /** As `setMetadata`, for a removal. */
  deleteMetadata(key: string): Promise<void> {
    checkKey(key)
    return this.#enqueue(key, DELETED)
  }

  /** What the base store has: not what is still to be written. */
  getMetadata(key: string): Promise<Uint8Array | undefined> {
    return this.#base.getMetadata(key)
  }

  /**
   * Applied at once, after every change that was put down before it and before every later one; resolves when it
   * is durable. What becomes of the other changes is no matter of this call. The batch is copied.
   */
  async batchMetadata(given: MetadataBatch): Promise<void> {
    checkBatch(given)
    const { puts, deletes } = given
    const batch = { puts: new Map<string, Uint8Array>(), deletes: [...deletes] }
    for (const [key, value] of puts) {
      checkKey(key)
      checkValue(value)
      batch.puts.set(key, Uint8Array.from(value))
    }
    for (const key of batch.deletes) checkKey(key)
    await this.#passThrough(() => this.#base.batchMetadata(batch))
  }

  /** Resolves when every change before it is durable; rejects with the first error since the last flush, if there was one. */
  flush(): Promise<void> {
    // Changes that wait for room make a later batch than those that wait to be written.
    if (this.#waiting.length === 0) return this.#flushPending()
    return Promise.all(this.#waiting.map(({ admitted }) => admitted)).then(() => this.#flushPending())
  }

  #flushPending(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#open.flushes.push({ resolve, reject })
      this.#wake()
    })
  }

  /**
   * Writes what was accepted, then closes the base store. What comes meanwhile is written at once, behind it; as soon
   * as all that came before the close is written, further writes are refused. Rejects with the first error of a batch in the
   * background, if there was one, or else with that of the base store's close. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drainAndClose()
    return this.#closing
  }

  async #drainAndClose(): Promise<void> {
    // What comes until all that was accepted is written is accepted, too; somebody who writes without a gap would
    // never let it end.
    let rest = DONE
    await this.#passThrough(async () => {
      rest = this.#passThrough(async () => {})
      this.#isClosed = true
    })
    await rest
    try {
      await this.#base.close()
    } catch (error) {
      throw this.#firstError ?? error
    }
    if (this.#firstError !== undefined) throw this.#firstError
  }

  #enqueue(key: string, change: Change): Promise<void> {
    if (this.#closing !== undefined)
      return this.#passThrough(() =>
        change === DELETED ? this.#base.deleteMetadata(key) : this.#base.setMetadata(key, change),
      )
    const section = this.#open
    if (this.#hasRoomFor(section, key)) {
      this.#put(section, key, change)
      this.#wake()
      return DONE
    }
    let admit = (): void => {}
    const admitted = new Promise<void>(resolve => {
      admit = resolve
    })
    this.#waiting.push({ section, key, change, admitted, admit })
    return admitted
  }

  /** Calls the base store after everything that was accepted before, and before everything that comes later. */
  #passThrough(call: () => Promise<void>): Promise<void> {
    if (this.#isClosed)
      return Promise.reject(new StoreError('SERVICE_UNAVAILABLE', 'the metadata store is closed'))
    return new Promise((resolve, reject) => {
      this.#open.call = async () => {
        try {
          resolve(await call())
        } catch (error) {
          reject(error)
        }
      }
      this.#open = openSection()
      this.#sections.push(this.#open)
      this.#wake()
    })
  }

  #wake(): void {
    this.#writing ??= DONE.then(() => this.#write())
  }

  async #write(): Promise<void> {
    for (;;) {
      const [section = this.#open] = this.#sections
      // An open section collects until the end of this turn of the event loop; one that is sealed has all it gets.
      if (section.call === undefined) await turn()
      if (section.changes.size > 0 || section.flushes.length > 0) await this.#writeBatch(section)
      else if (section.call !== undefined) {
        this.#sections.shift()
        await section.call()
      } else break
    }
    this.#writing = undefined
  }

  /** Never rejects: whoever flushes hears of a failure, and whoever closes. */
  async #writeBatch(section: Section): Promise<void> {
    const { changes, flushes } = section
    section.changes = new Map()
    section.flushes = []
    this.#keys -= changes.size
    this.#admitWaiting()
    if (changes.size > 0) await this.#apply(changes)
    if (flushes.length === 0) return
    const error = this.#unflushedError
    this.#unflushedError = undefined
    for (const { resolve, reject } of flushes) {
      if (error === undefined) resolve()
      else reject(error)
    }
  }

  async #apply(changes: Changes): Promise<void> {
    const lost = await applyChanges(this.#base, changes)
    if (lost === undefined) return
    const { count, cause } = lost
    const error = new StoreError('STORAGE_ERROR', `${count} metadata changes were not written`, { cause })
    this.#firstError ??= error
    this.#unflushedError ??= error
    this.#report(error)
  }

  #hasRoomFor({ changes }: Section, key: string): boolean {
    return this.#keys < this.#queueKeysMax || changes.has(key)
  }

  #put({ changes }: Section, key: string, change: Change): void {
    if (!changes.has(key)) this.#keys += 1
    changes.set(key, change)
  }

  /**
   * Those who waited for room make the next batch, with all that they have for its keys: what waited on would be
   * written after changes that come later.
   */
  #admitWaiting(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) {
      if (this.#hasRoomFor(one.section, one.key)) {
        this.#put(one.section, one.key, one.change)
        one.admit()
      } else this.#waiting.push(one)
    }
  }

  /** A logger that throws must not stop the writer. */
  #report(error: StoreError): void {
    try {
      this.#logger.error({ event: 'metadata_write_failed', err: error }, error.message)
    } catch {}
  }
}

function openSection(): Section {
  return { changes: new Map(), flushes: [], call: undefined }
}
