import type { Work } from '../subject.ts'

/**
 * Makes all calls of a work, so many in progress as it says, and checks each answer when it arrives: none is kept,
 * as no caller keeps them. The first call that fails, or a wrong answer, ends it and is thrown; the signal ends it, too.
 *
 * @param latenciesMs gets how long each call took, where that is wanted
 */
export async function makeCalls(work: Work, signal: AbortSignal, latenciesMs?: Float64Array): Promise<void> {
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < work.calls && !failed && !signal.aborted) {
      const index = next++
      const sentAtMs = performance.now()
      try {
        const answer = await work.call(index)
        if (latenciesMs !== undefined) latenciesMs[index] = performance.now() - sentAtMs
        work.check(index, answer)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(work.concurrency, work.calls) }, lane))
  await work.finish?.()
}
