import { StoreError } from '../errors/index.ts'

/**
 * The result of `work`, or `CONTEXT_CANCELED` with the signal's reason as cause as soon as the signal fires.
 * The work goes on: what was sent may still land. Its later failure is not unhandled, for nobody waits for it.
 */
export function releasedBySignal<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void =>
      reject(
        new StoreError('CONTEXT_CANCELED', "the caller's signal ended the wait", { cause: signal.reason }),
      )
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
