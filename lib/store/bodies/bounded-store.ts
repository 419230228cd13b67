import { StoreError } from '../../errors/index.ts'
import type { BlobType, ExternalCallOptions, ExternalStore } from '../../external/index.ts'
import { released } from '../waiting/released.ts'

export interface BoundedStoreOptions {
  /** The longest that one call may take; of a stream, all of it. */
  readonly callMs: number
  /** How many calls that were given up may be unended before further ones are refused. */
  readonly givenUpMax?: number | undefined
}

/** Two rounds of the readers and writers that are admitted at a time by default. */
const GIVEN_UP_MAX = 64

/**
 * An external store whose every call ends within a bound, whatever the store behind it does: with
 * `SERVICE_UNAVAILABLE` at the bound, with `CONTEXT_CANCELED` when the caller's signal fires. The store behind is
 * told by its own signal; a write or removal may still take effect. Calls that do not end even so hold memory
 * there, a write its body: when `givenUpMax` of them are left, further calls are refused until one ends.
 */
export class BoundedStore implements ExternalStore {
  readonly #store: ExternalStore
  readonly #callMs: number
  readonly #givenUpMax: number
  #givenUpCalls = 0

  constructor(store: ExternalStore, { callMs, givenUpMax = GIVEN_UP_MAX }: BoundedStoreOptions) {
    this.#store = store
    this.#callMs = callMs
    this.#givenUpMax = givenUpMax
  }

  set(txid: string, type: BlobType, body: Uint8Array, options?: ExternalCallOptions): Promise<void> {
    return this.#run(`writing ${txid}.${type}`, options, signal =>
      this.#store.set(txid, type, body, { signal }),
    )
  }

  get(txid: string, type: BlobType, options?: ExternalCallOptions): Promise<Uint8Array | undefined> {
    return this.#run(`reading ${txid}.${type}`, options, signal => this.#store.get(txid, type, { signal }))
  }

  delete(txid: string, type: BlobType, options?: ExternalCallOptions): Promise<void> {
    return this.#run(`deleting ${txid}.${type}`, options, signal =>
      this.#store.delete(txid, type, { signal }),
    )
  }

  async *stream(
    txid: string,
    type: BlobType,
    options?: ExternalCallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const call = this.#begin(`reading ${txid}.${type}`, options)
    try {
      const pieces = this.#store.stream(txid, type, { signal: call.signal })[Symbol.asyncIterator]()
      try {
        for (;;) {
          const { done, value } = await call.wait(() => pieces.next())
          if (done) return
          yield value
        }
      } finally {
        const leave = async (): Promise<unknown> => pieces.return?.()
        // Behind a piece that never comes its end would never come, either.
        if (call.isGivenUp) leave().catch(() => {})
        else await call.wait(leave, { isLeaving: true })
      }
    } finally {
      call.end()
    }
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #run<Result>(
    name: string,
    options: ExternalCallOptions | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const call = this.#begin(name, options)
    try {
      return await call.wait(() => work(call.signal))
    } finally {
      call.end()
    }
  }

  #begin(name: string, options: ExternalCallOptions | undefined): BoundedCall {
    if (this.#givenUpCalls >= this.#givenUpMax) {
      throw new StoreError(
        'SERVICE_UNAVAILABLE',
        `external store, ${name}: ${this.#givenUpCalls} calls that were given up have not ended; nothing was sent`,
      )
    }
    const signal = options?.signal
    if (signal?.aborted) {
      throw new StoreError('CONTEXT_CANCELED', `external store, ${name}: the caller's signal had fired`, {
        cause: signal.reason,
      })
    }
    return new BoundedCall(`external store, ${name}`, {
      boundMs: this.#callMs,
      signal,
      onGivenUp: work => {
        this.#givenUpCalls += 1
        const ended = (): void => {
          this.#givenUpCalls -= 1
        }
        work.then(ended, ended)
      },
    })
  }
}

interface BoundedCallOptions {
  readonly boundMs: number
  readonly signal: AbortSignal | undefined
  /** Told of work whose end nobody waits for any more. */
  readonly onGivenUp: (work: Promise<unknown>) => void
}

/** One call: its steps share the bound, and a signal that fires when it is given up. */
class BoundedCall {
  readonly #name: string
  readonly #options: BoundedCallOptions
  readonly #controller = new AbortController()
  readonly #endsAtMs: number
  #isGivenUp = false

  constructor(name: string, options: BoundedCallOptions) {
    this.#name = name
    this.#options = options
    this.#endsAtMs = performance.now() + options.boundMs
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  async wait<Result>(step: () => Promise<Result>, { isLeaving = false } = {}): Promise<Result> {
    const { boundMs, onGivenUp } = this.#options
    // Whose signal has fired must not be what leaves a file open.
    const signal = isLeaving ? undefined : this.#options.signal
    let hasEnded = false
    // A step that throws at once fails like one that throws later.
    const work = (async () => step())().finally(() => {
      hasEnded = true
    })
    try {
      const leftMs = Math.max(1, Math.min(boundMs, Math.ceil(this.#endsAtMs - performance.now())))
      return await released(work, { name: this.#name, signal, boundMs: leftMs })
    } catch (error) {
      if (!hasEnded) {
        this.#isGivenUp = true
        onGivenUp(work)
        this.#controller.abort(error)
      }
      throw error
    }
  }

  /** What a call of several steps has left open is to be closed, too. */
  end(): void {
    this.#controller.abort()
  }
}
