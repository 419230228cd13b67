import { TIMER_MS_MAX } from '../../errors/index.ts'

/** Takes a task back. */
export type Cancel = () => void

/** When things happen later; tests pass one that they move. */
export interface Scheduler {
  /** Milliseconds since some moment; never goes back. */
  nowMs(): number
  /** Runs a task after some milliseconds. It keeps no process alive. */
  after(ms: number, task: () => void): Cancel
  /** Runs a task after what is waiting now had its turn. */
  soon(task: () => void): void
}

export const systemScheduler: Scheduler = {
  nowMs: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, Math.min(ms, TIMER_MS_MAX)).unref()
    return () => clearTimeout(timer)
  },
  soon: task => void setImmediate(task),
}
