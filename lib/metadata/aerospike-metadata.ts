import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { InvalidArgumentError, StoreError, TIMER_MS_MAX, wholeNumber } from '../errors/index.ts'
import {
  type BinValue,
  type Filter,
  RESULT_CODES,
  type RowAnswer,
  statusText,
  type Transport,
  type WriteOperation,
} from '../transport/index.ts'
import { checkBatch, checkKey, checkValue, type MetadataBatch, type MetadataStore } from './metadata-store.ts'

export interface AerospikeMetadataOptions {
  /** The way to the server; `store.transport` of an open `UtxoStore` is one. It is not closed here. */
  readonly transport: Transport
  /** Set of the record; not that of the outputs, whose scans would meet it. */
  readonly set: string
  /** User key of the record that holds all entries. */
  readonly record?: string
  /**
   * Total time of one operation in milliseconds; and how long a batch goes on against writers of other processes that
   * are quicker.
   */
  readonly timeoutMs?: number
}

const ENTRIES = 'entries'
const SEQUENCE = 'sequence'
const WRITER = 'writer'
const TIMEOUT_MS = 5_000
const SET_BYTES_MAX = 63
const RECORD_BYTES_MAX = 1_024
/** A batch that lost the race for its sequence number pauses at random, up to this and then twice as long each time. */
const PAUSE_MS = 2
const PAUSE_MS_MAX = 64

/**
 * Keeps metadata as the entries of one map in one record, so that a batch, being one operate call, is applied
 * whole or not at all on every edition of the server.
 *
 * Each batch carries a sequence number and is applied only where the record has a lower one: a batch whose
 * answer was lost and which arrives late cannot undo a newer one. Writers in several processes are told apart
 * and put in an order, but whose value stays is for them to agree on.
 *
 * All values together have the room of one record, 1 MiB where the server is not configured otherwise; a batch beyond it
 * is refused with `PROCESSING`.
 */
export class AerospikeMetadata implements MetadataStore {
  readonly #transport: Transport
  readonly #key: { readonly set: string; readonly userKey: string }
  readonly #timeoutMs: number
  readonly #writer = randomBytes(16)
  /** The number of the last batch, by whomever; undefined until it has been read. */
  #sequence: number | undefined
  /** Batches take their numbers one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** Throws `INVALID_ARGUMENT`, naming the option that makes no sense. */
  constructor({ transport, set, record = 'metadata', timeoutMs = TIMEOUT_MS }: AerospikeMetadataOptions) {
    checkText('set', set, SET_BYTES_MAX)
    checkText('record', record, RECORD_BYTES_MAX)
    this.#transport = transport
    this.#key = { set, userKey: record }
    this.#timeoutMs = wholeNumber('timeoutMs', timeoutMs, 1, TIMER_MS_MAX)
  }

  async getMetadata(key: string): Promise<Uint8Array | undefined> {
    checkKey(key)
    return (await this.entries()).get(key)
  }

  /** All entries. */
  async entries(): Promise<Map<string, Uint8Array>> {
    this.#checkOpen()
    const bins = await this.#read([ENTRIES])
    const found = bins?.[ENTRIES]
    if (found === undefined) return new Map()
    const pairs = found instanceof Map ? [...found] : Object.entries(found as Record<string, BinValue>)
    return new Map(
      pairs.map(([key, value]) => {
        if (!(value instanceof Uint8Array))
          throw new StoreError('STORAGE_ERROR', `metadata ${String(key)} is no bytes`)
        return [String(key), value]
      }),
    )
  }

  setMetadata(key: string, value: Uint8Array): Promise<void> {
    return this.batchMetadata({ puts: new Map([[key, value]]), deletes: [] })
  }

  deleteMetadata(key: string): Promise<void> {
    return this.batchMetadata({ puts: new Map(), deletes: [key] })
  }

  async batchMetadata(batch: MetadataBatch): Promise<void> {
    this.#checkOpen()
    checkBatch(batch)
    const { puts, deletes } = batch
    const entries = new Map<string, Uint8Array>()
    for (const [key, value] of puts) {
      checkKey(key)
      checkValue(value)
      entries.set(key, Uint8Array.from(value))
    }
    const keys = [...deletes]
    for (const key of keys) checkKey(key)
    // All at once: with an operation for each key the server copies the whole map each time.
    const operations: WriteOperation[] = []
    if (entries.size > 0) operations.push({ kind: 'map-put-all', bin: ENTRIES, entries })
    if (keys.length > 0) operations.push({ kind: 'map-remove-all', bin: ENTRIES, keys })
    if (operations.length === 0) return
    const turn = this.#last.then(() => this.#write(operations))
    this.#last = turn.catch(() => {})
    await turn
  }

  /** Waits for the batches in progress. The transport stays open: it belongs to whoever gave it. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last
  }

  async #write(operations: readonly WriteOperation[]): Promise<void> {
    const endsAtMs = performance.now() + this.#timeoutMs
    for (let lost = 0; lost === 0 || performance.now() < endsAtMs; lost++) {
      const sequence = (this.#sequence ?? (await this.#readSequence()).sequence) + 1
      const answer = await this.#send(sequence, operations)
      if (answer.status === RESULT_CODES.OK) {
        this.#sequence = sequence
        return
      }
      if (answer.status === RESULT_CODES.RECORD_TOO_BIG) throw tooLarge()
      if (answer.status !== RESULT_CODES.FILTERED_OUT) throw failed('writing metadata', answer)
      // Either an earlier try of this very batch has arrived, or another process was quicker.
      const found = await this.#readSequence()
      this.#sequence = found.sequence
      if (found.sequence === sequence && found.isOurs) return
      await delay(Math.random() * Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** lost))
      // Others have written meanwhile.
      this.#sequence = undefined
    }
    const text = `metadata: other writers were quicker for ${this.#timeoutMs} ms; nothing was written`
    throw new StoreError('STORAGE_ERROR', text)
  }

  async #send(sequence: number, operations: readonly WriteOperation[]): Promise<RowAnswer> {
    const isNewer: Filter = {
      or: [{ not: { binExists: SEQUENCE } }, { compare: 'lt', left: { intBin: SEQUENCE }, right: sequence }],
    }
    const numbered: WriteOperation[] = [
      { kind: 'put', bin: SEQUENCE, value: sequence },
      { kind: 'put', bin: WRITER, value: this.#writer },
    ]
    try {
      return await this.#operate({
        kind: 'write',
        key: this.#key,
        exists: 'any',
        filter: isNewer,
        operations: [...numbered, ...operations],
      })
    } catch (error) {
      // It may arrive yet: the next batch must have a number above it.
      this.#sequence = sequence
      throw error
    }
  }

  async #readSequence(): Promise<{ sequence: number; isOurs: boolean }> {
    const bins = await this.#read([SEQUENCE, WRITER])
    const sequence = bins?.[SEQUENCE] ?? 0
    const writer = bins?.[WRITER]
    if (typeof sequence !== 'number')
      throw new StoreError('STORAGE_ERROR', 'metadata: the sequence is no number')
    const isOurs = writer instanceof Uint8Array && Buffer.compare(writer, this.#writer) === 0
    return { sequence, isOurs }
  }

  async #read(bins: readonly string[]): Promise<RowAnswer['bins']> {
    const answer = await this.#operate({ kind: 'read', key: this.#key, bins })
    if (answer.status === RESULT_CODES.NOT_FOUND) return undefined
    if (answer.status !== RESULT_CODES.OK) throw failed('reading metadata', answer)
    return answer.bins
  }

  async #operate(row: Parameters<Transport['batchOperate']>[0][number]): Promise<RowAnswer> {
    const answers = await this.#transport.batchOperate([row], { timeout: this.#timeoutMs })
    const answer = answers.find(({ index }) => index === 0)
    if (answer === undefined) throw new StoreError('STORAGE_ERROR', `${row.kind} of metadata has no answer`)
    // One that was filtered out may have been applied by an earlier attempt of the transport: the record tells.
    if (answer.inDoubt && answer.status !== RESULT_CODES.FILTERED_OUT)
      throw failed(`${row.kind} of metadata`, answer)
    return answer
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('SERVICE_UNAVAILABLE', 'the metadata store is closed')
  }
}

function checkText(name: string, value: string, bytesMax: number): void {
  const isText = typeof value === 'string' && value.length > 0
  if (!isText || Buffer.byteLength(value) > bytesMax)
    throw new InvalidArgumentError(name, `text of 1 to ${bytesMax} bytes`, value)
}

function tooLarge(): StoreError {
  const text = `all metadata share one record, which has no room for this: ${statusText(RESULT_CODES.RECORD_TOO_BIG)}`
  return new StoreError('PROCESSING', text)
}

function failed(what: string, { status, inDoubt }: RowAnswer): StoreError {
  const doubt = inDoubt ? '; it may have been applied' : ''
  return new StoreError('STORAGE_ERROR', `${what} failed: ${statusText(status)}${doubt}`)
}
