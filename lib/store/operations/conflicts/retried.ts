import { setTimeout as delay } from 'node:timers/promises'

/** Pauses before the attempts of a step that must not be given up lightly (semantics 3.10). */
const RETRY_DELAYS_MS = [0, 50, 200]

/** Tries again after short pauses; each failure is told, and the last one thrown. */
export async function retried<Result>(
  work: () => Promise<Result>,
  onFailure: (failure: unknown) => void = () => {},
): Promise<Result> {
  let failure: unknown
  for (const pauseMs of RETRY_DELAYS_MS) {
    if (pauseMs > 0) await delay(pauseMs)
    try {
      return await work()
    } catch (error) {
      failure = error
      onFailure(error)
    }
  }
  throw failure
}
