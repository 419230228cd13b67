import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** The kernel counts in hundredths of a second, on all of its platforms. */
const TICK_MS = 10
/** In the first line of /proc/stat, behind its name: user, nice, system, idle, iowait, irq, softirq, steal. */
const STEAL_FIELD = 8

/**
 * Watches for how much of this machine's processor time its host gives to others: on a shared host every latency has
 * such pauses in it. The function that is returned tells the share of the time since, 0 to 1; null where the kernel
 * does not tell, which only Linux does.
 */
export function watchStolenTime(): () => number | null {
  const startedAtMs = performance.now()
  const before = stolenMs(procStat())
  return () => {
    const after = stolenMs(procStat())
    if (before === null || after === null) return null
    return (after - before) / ((performance.now() - startedAtMs) * cpus().length)
  }
}

/** What all processors have lost so far, from the text of /proc/stat; null where it is another text. */
export function stolenMs(stat: string | undefined): number | null {
  const [name, ...fields] = stat?.split('\n', 1)[0]?.split(/\s+/) ?? []
  const ticks = Number(fields[STEAL_FIELD - 1])
  return name === 'cpu' && Number.isFinite(ticks) ? ticks * TICK_MS : null
}

function procStat(): string | undefined {
  try {
    return readFileSync('/proc/stat', 'latin1')
  } catch {
    return undefined
  }
}
