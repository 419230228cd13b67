import { StoreError } from '../../errors/index.ts'

export interface ReleaseOptions {
  /** Names the call in errors. */
  readonly name: string
  readonly signal?: AbortSignal | undefined
  readonly boundMs?: number | undefined
}

/**
 * The result of `work`, or `CONTEXT_CANCELED` as soon as the signal fires, or `SERVICE_UNAVAILABLE` after the
 * bound, whichever comes first. The work goes on: what was sent may still take effect. Its later failure is not
 * unhandled, for nobody waits for it.
 */
export function released<Result>(work: Promise<Result>, options: ReleaseOptions): Promise<Result> {
  return new Promise((resolve, reject) => {
    const wait = new ReleasedWait<Result>(options, resolve, reject)
    wait.begin()
    work.then(
      result => wait.succeed(result),
      error => wait.fail(error),
    )
  })
}

/** One caller's wait, ended by its result, the signal or the bound. A class: every call makes one, closures would weigh more. */
export class ReleasedWait<Result> {
  readonly signal: AbortSignal | undefined
  readonly #options: ReleaseOptions
  readonly #resolve: (result: Result) => void
  readonly #reject: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #onAbort: (() => void) | undefined

  constructor(options: ReleaseOptions, resolve: (result: Result) => void, reject: (error: unknown) => void) {
    this.signal = options.signal
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  /**
   * To be called when the work has begun: bounds within it that are as long as this one then come first, and say
   * more exactly what had no answer.
   */
  begin(): void {
    const { signal, boundMs } = this.#options
    if (signal?.aborted) {
      this.#abort()
      return
    }
    if (boundMs !== undefined) this.#timer = setTimeout(passBound, boundMs, this as { passBound(): void })
    if (signal !== undefined) {
      this.#onAbort = () => this.#abort()
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  succeed(result: Result): void {
    this.#end()
    this.#resolve(result)
  }

  fail(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  passBound(): void {
    const { name, boundMs } = this.#options
    const text = `${name}: no answer within ${boundMs} ms; it may still take effect`
    this.fail(new StoreError('SERVICE_UNAVAILABLE', text))
  }

  #abort(): void {
    const text = `${this.#options.name}: the caller's signal ended the wait`
    this.fail(new StoreError('CONTEXT_CANCELED', text, { cause: this.signal?.reason }))
  }

  #end(): void {
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.signal?.removeEventListener('abort', this.#onAbort)
  }
}

function passBound(wait: { passBound(): void }): void {
  wait.passBound()
}
