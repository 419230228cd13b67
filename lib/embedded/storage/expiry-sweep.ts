import type { Namespace } from './namespace.ts'

const TICK_MS = 1_000

/** Removes expired records from namespaces, each every `nsup-period` seconds (protocol 11.3). */
export class ExpirySweep {
  readonly #namespaces: readonly Namespace[]
  #timer: NodeJS.Timeout | undefined
  #ticks = 0

  constructor(namespaces: Iterable<Namespace>) {
    this.#namespaces = [...namespaces]
  }

  /** The timer keeps no process alive. */
  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** What happens every second. */
  tick(): void {
    this.#ticks++
    for (const namespace of this.#namespaces) {
      const { nsupPeriodSeconds } = namespace.config
      if (nsupPeriodSeconds > 0 && this.#ticks % nsupPeriodSeconds === 0) namespace.removeExpired()
    }
  }
}
