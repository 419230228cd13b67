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
export function released<Result>(
  work: Promise<Result>,
  { name, signal, boundMs }: ReleaseOptions,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      end()
      reject(
        new StoreError('CONTEXT_CANCELED', `${name}: the caller's signal ended the wait`, {
          cause: signal?.reason,
        }),
      )
    }
    const onBound = (): void => {
      end()
      reject(
        new StoreError(
          'SERVICE_UNAVAILABLE',
          `${name}: no answer within ${boundMs} ms; it may still take effect`,
        ),
      )
    }
    const timer = boundMs === undefined ? undefined : setTimeout(onBound, boundMs)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    work.then(
      result => {
        end()
        resolve(result)
      },
      error => {
        end()
        reject(error)
      },
    )
  })
}
