import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** Node tells of a collection some time after it. */
const TOLD_MS_MAX = 20

/** Watches for how long collections of garbage stop this process. The function that is returned ends it. */
export function watchCollections(): () => Promise<{ readonly longestMs: number }> {
  let longestMs = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  return async () => {
    await delay(TOLD_MS_MAX)
    observer.disconnect()
    return { longestMs }
  }
}
