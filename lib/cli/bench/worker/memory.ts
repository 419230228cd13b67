import type { MemorySample } from '../messages.ts'
import { collectGarbage } from './garbage.ts'

/** What is left of this process when the garbage is gone. */
export function memoryNow(): MemorySample {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapUsedBytes: heapUsed, rssBytes: rss }
}
