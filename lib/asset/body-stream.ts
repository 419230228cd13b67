import { Readable } from 'node:stream'
import { messageOf, StoreError } from '../errors/index.ts'

/** What a stream is made of, and what has to be given back after it. */
export interface Body {
  pieces(): AsyncGenerator<Uint8Array, void, undefined>
  /** Called once, when no piece is being made any more. Never rejects. */
  release(): Promise<void>
}

export interface BodyStreamOptions {
  /** Fires when nobody will read it any more; its signal destroys the stream. */
  readonly controller: AbortController
  /** A reader that takes nothing for so long loses the stream, in milliseconds. */
  readonly stallTimeoutMs: number
}

type Pieces = AsyncGenerator<Uint8Array, void, undefined>

/** What waits in the stream for its reader; one piece more than that is made. */
const BUFFERED_BYTES = 256 * 1024
/** Handed out at once. A reader is seen to read when it asks for more, and needs a while for a large piece. */
const PART_BYTES_MAX = 256 * 1024

/** A body made while it is read. Whatever ends it, `close` comes once, after everything was given back. */
export class BodyStream extends Readable {
  /** What is not handed out yet of the last piece that was made. */
  #rest: Uint8Array | undefined
  readonly #pieces: Pieces
  readonly #body: Body
  readonly #controller: AbortController
  readonly #stallTimeoutMs: number
  #stall: NodeJS.Timeout | undefined

  private constructor(
    first: Uint8Array | undefined,
    pieces: Pieces,
    body: Body,
    { controller, stallTimeoutMs }: BodyStreamOptions,
  ) {
    super({ highWaterMark: BUFFERED_BYTES })
    this.#rest = first
    this.#pieces = pieces
    this.#body = body
    this.#controller = controller
    this.#stallTimeoutMs = stallTimeoutMs
    this.once('end', () => this.#stopWatching())
    this.#watch()
    const { signal } = controller
    signal.addEventListener('abort', () => this.destroy(asError(signal.reason)), { once: true })
    if (signal.aborted) this.destroy(asError(signal.reason))
  }

  /**
   * Makes the first piece, so that what fails at once fails before an answer has begun; then the body is released
   * here.
   */
  static async start(body: Body, options: BodyStreamOptions): Promise<BodyStream> {
    const pieces = body.pieces()
    try {
      const { value } = await pieces.next()
      return new BodyStream(value ?? undefined, pieces, body, options)
    } catch (error) {
      await body.release()
      throw error
    }
  }

  override _read(): void {
    this.#stopWatching()
    if (this.#rest !== undefined) {
      this.#give(this.#rest)
      return
    }
    this.#pieces.next().then(
      ({ done, value }) => {
        if (!this.destroyed) this.#give(done === true ? null : value)
      },
      error => this.destroy(asError(error)),
    )
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stopWatching()
    this.#rest = undefined
    // Before the pieces are told to return: they would first finish what they are at.
    this.#controller.abort(error ?? new Error('nobody reads the stream any more'))
    this.#pieces
      .return()
      .catch(() => {})
      .then(() => this.#body.release())
      .then(() => callback(error), callback)
  }

  #give(piece: Uint8Array | null): void {
    this.#watch()
    if (piece === null || piece.length <= PART_BYTES_MAX) {
      this.#rest = undefined
      this.push(piece)
      return
    }
    this.#rest = piece.subarray(PART_BYTES_MAX)
    this.push(piece.subarray(0, PART_BYTES_MAX))
  }

  /** From here the reader has so long to ask for more. */
  #watch(): void {
    this.#stall = setTimeout(() => {
      const text = `the reader took nothing for ${this.#stallTimeoutMs} ms`
      this.destroy(new StoreError('CONTEXT_CANCELED', text))
    }, this.#stallTimeoutMs)
  }

  #stopWatching(): void {
    clearTimeout(this.#stall)
    this.#stall = undefined
  }
}

function asError(reason: unknown): Error {
  if (reason instanceof Error) return reason
  return new StoreError('UNKNOWN', messageOf(reason), { cause: reason })
}
