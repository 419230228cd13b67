import { collectGarbage } from './garbage.ts'
import type { RoundMemory } from './report.ts'

const MIB = 2 ** 20

/** What is left when the garbage is gone. */
export function memoryNow(): RoundMemory {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapMiB: heapUsed / MIB, rssMiB: rss / MIB }
}
