import { StoreError } from '../errors/index.ts'
import { OrderedChunks } from './ordered-chunks.ts'

export interface FetchInOrderOptions {
  /** Fetches at a time. Twice as many chunks are fetched, or wait to be taken, at the most. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

/**
 * Fetches chunks side by side and yields them in the order of their requests. A consumer that does not take them
 * holds up the fetches. The signal, a failure and the consumer's return end it: no fetch begins after that, and
 * what was fetched is dropped; fetches in work are not waited for.
 */
export async function* fetchInOrder<Request, Chunk extends object>(
  requests: AsyncIterator<Request, void, undefined>,
  fetch: (request: Request) => Promise<Chunk>,
  { concurrency, signal }: FetchInOrderOptions,
): AsyncGenerator<Chunk, void, undefined> {
  const chunks = new OrderedChunks<Chunk>(concurrency)
  const changes = new Changes()
  let [begun, total, isOver] = [0, Number.POSITIVE_INFINITY, false]
  let failure: unknown
  const fail = (error: unknown): void => {
    failure ??= error
    isOver = true
    chunks.clear()
    changes.tell()
  }
  const lane = async (): Promise<void> => {
    while (!isOver && begun < total) {
      if (begun - chunks.taken >= 2 * concurrency) {
        await changes.next()
        continue
      }
      const index = begun++
      const request = await requests.next()
      if (request.done === true) total = Math.min(total, index)
      else if (!isOver) {
        const chunk = await fetch(request.value)
        if (!isOver) chunks.add(index, chunk)
      }
      changes.tell()
    }
  }
  const onAbort = (): void => fail(readerGone(signal))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  for (let started = 0; started < concurrency; started++) void lane().catch(fail)
  try {
    for (;;) {
      if (failure !== undefined) throw failure
      const chunk = chunks.take()
      if (chunk !== undefined) {
        changes.tell()
        yield chunk
      } else if (chunks.taken >= total) return
      else await changes.next()
    }
  } finally {
    isOver = true
    signal.removeEventListener('abort', onAbort)
    chunks.clear()
    changes.tell()
  }
}

export function readerGone({ reason }: AbortSignal): StoreError {
  return new StoreError('CONTEXT_CANCELED', 'subtree data: the reader is gone', { cause: reason })
}

/** Wakes those who wait for something to change. */
class Changes {
  #wake: (() => void)[] = []

  next(): Promise<void> {
    return new Promise(resolve => this.#wake.push(resolve))
  }

  tell(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
