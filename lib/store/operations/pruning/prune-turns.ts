import { StoreError } from '../../../errors/index.ts'
import type { PruneResult } from './prune.ts'

/** Runs the pruner once; the signal fires when nobody wants the run any more. */
export type PruneWork = (height: number, signal: AbortSignal) => Promise<PruneResult>

interface Waiting {
  height: number
  readonly wanted: SharedWish
  readonly result: Promise<PruneResult>
}

/**
 * One run at a time. A call that comes while one runs waits; others that come meanwhile join it, and their run
 * takes the greatest height of all, for it prunes what the lower ones would (semantics 5.1).
 */
export class PruneTurns {
  #running: Promise<unknown> | undefined
  #waiting: Waiting | undefined

  take(height: number, signal: AbortSignal | undefined, work: PruneWork): Promise<PruneResult> {
    const waiting = this.#waiting
    if (waiting !== undefined && !waiting.wanted.signal.aborted) {
      waiting.height = Math.max(waiting.height, height)
      waiting.wanted.join(signal)
      return waiting.result
    }
    const wanted = new SharedWish()
    wanted.join(signal)
    if (this.#running === undefined) return this.#run(work(height, wanted.signal))
    const own: Waiting = {
      height,
      wanted,
      result: this.#running.then(() => {
        if (this.#waiting === own) this.#waiting = undefined
        if (wanted.signal.aborted)
          throw new StoreError('CONTEXT_CANCELED', 'pruning was given up before its turn came', {
            cause: wanted.signal.reason,
          })
        return this.#run(work(own.height, wanted.signal))
      }),
    }
    this.#waiting = own
    return own.result
  }

  #run(result: Promise<PruneResult>): Promise<PruneResult> {
    const isOver = (): void => {
      if (this.#running === running) this.#running = undefined
    }
    const running: Promise<void> = result.then(isOver, isOver)
    this.#running = running
    return result
  }
}

/** Fires when all who wanted the run have given it up. */
class SharedWish {
  readonly #controller = new AbortController()
  #callers = 0

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  join(signal: AbortSignal | undefined): void {
    this.#callers += 1
    const leave = (): void => {
      this.#callers -= 1
      if (this.#callers === 0) this.#controller.abort(signal?.reason)
    }
    if (signal?.aborted) leave()
    else signal?.addEventListener('abort', leave, { once: true })
  }
}
