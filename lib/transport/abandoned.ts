import { describe, StoreError } from '../errors/index.ts'

/** What a caller gets that gave its batch up. */
export function abandoned(signal: AbortSignal): StoreError {
  return new StoreError('CONTEXT_CANCELED', `the batch was given up: ${describe(signal.reason)}`, {
    cause: signal.reason,
  })
}

/** The pending answer, or `CONTEXT_CANCELED` as soon as the signal fires; then nobody looks at the answer. */
export function releasedBy<Answer>(
  signal: AbortSignal | undefined,
  pending: Promise<Answer>,
): Promise<Answer> {
  if (signal === undefined) return pending
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abandoned(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
