import type { Readable } from 'node:stream'
import { txidFromHex, txidToHex } from '../bitcoin/index.ts'
import { type ErrorCode, messageOf, StoreError } from '../errors/index.ts'
import { type AssetEvent, type AssetLogger, logEvent } from './asset-log.ts'
import { type Body, BodyStream } from './body-stream.ts'
import { type Permit, Semaphore } from './semaphore.ts'
import { type ServiceLimits, type SubtreeDataOptions, serviceLimits } from './service-options.ts'
import { SubtreeCreation } from './subtree-creation.ts'
import type { SubtreeFiles } from './subtree-files.ts'
import type { TransactionSource } from './transaction-source.ts'

/** A subtree's data on its way to a reader. */
export interface SubtreeData {
  /** The transactions' standard encodings, one after the other, in the subtree's order, without the coinbase. */
  readonly stream: Readable
  /** Known where the file was there; undefined while it is being built. */
  readonly sizeBytes: number | undefined
}

/** What goes on, as far as it is bounded. */
export interface AssetLoad {
  readonly creations: number
  readonly readers: number
  readonly waitingReaders: number
}

/** Everything else is a failure. */
const EVENT_OF_CODE: Partial<Record<ErrorCode, AssetEvent>> = {
  NOT_FOUND: 'subtree_data_refused',
  SERVICE_UNAVAILABLE: 'subtree_data_refused',
  CONTEXT_CANCELED: 'subtree_data_abandoned',
}

interface Work {
  readonly root: string
  readonly controller: AbortController
}

/**
 * Serves the data of subtrees, and does not run out of memory by it (semantics 9.2): a file that is there is
 * streamed under one of many permits, a missing one is built from the store while it is streamed, under one of few,
 * and who finds none of these is refused at once.
 */
export class SubtreeDataService {
  readonly #source: TransactionSource
  readonly #files: SubtreeFiles
  readonly #limits: ServiceLimits
  readonly #logger: AssetLogger | undefined
  readonly #creations: Semaphore
  readonly #readers: Semaphore
  readonly #inProgress = new Set<Work>()
  #onIdle: () => void = () => {}
  #closing: Promise<void> | undefined

  /** Throws `INVALID_ARGUMENT` for a limit that is out of range. */
  constructor(options: SubtreeDataOptions) {
    this.#source = options.source
    this.#files = options.files
    this.#logger = options.logger
    this.#limits = serviceLimits(options)
    const { creationsMax, readersMax } = this.#limits
    this.#creations = new Semaphore(creationsMax === 0 ? Number.POSITIVE_INFINITY : creationsMax)
    this.#readers = new Semaphore(readersMax)
  }

  get load(): AssetLoad {
    return {
      creations: this.#creations.inUse,
      readers: this.#readers.inUse,
      waitingReaders: this.#readers.waiting,
    }
  }

  /** Whether `close` was called, which refuses new readers. */
  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * The data of a subtree. Resolves when the first of it is there. The stream has to be read to its end or
   * destroyed; it fails where the rest cannot be had, and then nothing of a new file remains.
   *
   * Throws `NOT_FOUND` where there is no such subtree, `SERVICE_UNAVAILABLE` when as many files are being built as
   * may be or the service is closed, `CONTEXT_CANCELED` when the signal fires, which also ends the stream, and
   * `PROCESSING` or `STORAGE_ERROR` where it cannot be built or read.
   *
   * @param root the subtree's root, 64 hex characters in display order
   */
  async open(root: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<SubtreeData> {
    const work = { root: txidToHex(txidFromHex(root, 'subtree root')), controller: new AbortController() }
    if (this.isClosed) throw new StoreError('SERVICE_UNAVAILABLE', 'the asset service is closed')
    const leave = this.#enter(work, signal)
    try {
      const data = await this.#open(work)
      const { stream } = data
      stream.once('error', error => this.#report(work.root, error))
      if (stream.closed) leave()
      else stream.once('close', leave)
      return data
    } catch (error) {
      leave()
      this.#report(work.root, error)
      throw error
    }
  }

  /**
   * Refuses new readers, waits for the answers in progress, and cuts off those that take longer than the grace;
   * resolves when all of them have cleaned up. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    if (this.#inProgress.size === 0) return
    const idle = new Promise<void>(resolve => {
      this.#onIdle = resolve
    })
    const timer = setTimeout(() => {
      const reason = new StoreError('SERVICE_UNAVAILABLE', 'the asset service is closing')
      for (const { controller } of this.#inProgress) controller.abort(reason)
    }, this.#limits.closeGraceMs)
    await idle
    clearTimeout(timer)
  }

  #enter(work: Work, signal: AbortSignal | undefined): () => void {
    const follow = (): void => work.controller.abort(signal?.reason)
    if (signal?.aborted) follow()
    signal?.addEventListener('abort', follow, { once: true })
    this.#inProgress.add(work)
    return () => {
      signal?.removeEventListener('abort', follow)
      this.#inProgress.delete(work)
      if (this.#inProgress.size === 0) this.#onIdle()
    }
  }

  async #open(work: Work): Promise<SubtreeData> {
    const { root } = work
    // Without a permit: looking costs nothing that could run out.
    if (await this.#files.hasData(root)) {
      const data = await this.#existing(work)
      if (data !== undefined) return data
    }
    if (!(await this.#files.hasSubtree(root))) throw notFound(root)
    const permit = this.#creations.tryAcquire()
    if (permit === undefined) {
      const text = `${this.#limits.creationsMax} data files are being built; try again later`
      throw new StoreError('SERVICE_UNAVAILABLE', text)
    }
    const data = (await this.#missing(work, permit)) ?? (await this.#existing(work))
    if (data !== undefined) return data
    throw new StoreError('SERVICE_UNAVAILABLE', `the data file of ${root} came and went; try again later`)
  }

  /** Undefined where somebody has removed the file since it was looked for. */
  async #existing({ root, controller }: Work): Promise<SubtreeData | undefined> {
    const permit = await this.#readers.acquire(controller.signal)
    const file = await this.#orReleased(permit, () => this.#files.openData(root))
    if (file === undefined) {
      permit.release()
      return undefined
    }
    const body: Body = {
      pieces: () => file.read(),
      release: () => file.close().then(permit.release, permit.release),
    }
    return { stream: await this.#stream(body, controller), sizeBytes: file.sizeBytes }
  }

  /** Builds the file; undefined where it has appeared meanwhile. The permit comes back in any case. */
  async #missing({ root, controller }: Work, permit: Permit): Promise<SubtreeData | undefined> {
    const creation = await this.#orReleased(permit, async () => {
      if (await this.#files.hasData(root)) return undefined
      return this.#begin(root, controller.signal, permit)
    })
    if (creation === undefined) {
      permit.release()
      return undefined
    }
    const stream = await this.#stream(creation, controller)
    stream.once('end', () => {
      const { transactions, bytes } = creation
      logEvent(this.#logger, 'subtree_data_created', { root, transactions, bytes }, 'data file built')
    })
    return { stream, sizeBytes: undefined }
  }

  /** Undefined where the file has appeared since it was looked for. */
  async #begin(root: string, signal: AbortSignal, permit: Permit): Promise<SubtreeCreation | undefined> {
    const nodes = await this.#files.openSubtree(root)
    if (nodes === undefined) throw notFound(root)
    try {
      const partial = await this.#files.createData(root)
      return new SubtreeCreation({ ...this.#limits, source: this.#source, nodes, partial, permit, signal })
    } catch (error) {
      await nodes.close()
      if (error instanceof StoreError && error.code === 'BLOB_ALREADY_EXISTS') return undefined
      throw error
    }
  }

  #stream(body: Body, controller: AbortController): Promise<BodyStream> {
    return BodyStream.start(body, { controller, stallTimeoutMs: this.#limits.stallTimeoutMs })
  }

  async #orReleased<Result>(permit: Permit, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      permit.release()
      throw error
    }
  }

  #report(root: string, error: unknown): void {
    const code = error instanceof StoreError ? error.code : 'UNKNOWN'
    const event = EVENT_OF_CODE[code] ?? 'subtree_data_failed'
    logEvent(this.#logger, event, { root, code, err: error }, messageOf(error))
  }
}

function notFound(root: string): StoreError {
  return new StoreError('NOT_FOUND', `there is no subtree ${root}`)
}
