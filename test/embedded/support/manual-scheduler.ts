import type { Scheduler } from '../../../lib/embedded/cluster/scheduler.ts'

interface Task {
  readonly atMs: number
  readonly run: () => void
}

/** More than any test comes to. */
const STEPS_MAX = 100_000

/** Jest cannot end a loop that never waits. @throws when a loop goes on and on */
export function refuseEndless(steps: number): void {
  if (steps > STEPS_MAX) throw new Error('tasks that never end')
}

/** A scheduler whose time stands still until it is moved. */
export class ManualScheduler implements Scheduler {
  #nowMs = 0
  #timers: Task[] = []
  #soon: (() => void)[] = []

  nowMs(): number {
    return this.#nowMs
  }

  /** How many tasks wait for their time. */
  get timers(): number {
    return this.#timers.length
  }

  after(ms: number, run: () => void): () => void {
    const task = { atMs: this.#nowMs + ms, run }
    this.#timers.push(task)
    return () => {
      this.#timers = this.#timers.filter(other => other !== task)
    }
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  /** Gives everything that waits one turn. @returns whether anything waited */
  turn(): boolean {
    const tasks = this.#soon
    this.#soon = []
    for (const task of tasks) task()
    return tasks.length > 0
  }

  /** Gives turns until nothing waits for one. */
  drain(): void {
    for (let turns = 0; this.turn(); turns++) refuseEndless(turns)
  }

  /** Lets time pass; what comes due runs in its order. */
  advanceMs(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let tasks = 0; ; tasks++) {
      refuseEndless(tasks)
      const due = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter(other => other !== due)
      this.#nowMs = due.atMs
      due.run()
    }
    this.#nowMs = untilMs
  }
}
