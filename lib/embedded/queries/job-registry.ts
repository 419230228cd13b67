import { RESULT_CODES } from '../../protocol/index.ts'
import type { Clock } from '../clock.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { Job, type JobDescription } from './job.ts'

/** Finished jobs that are remembered, as on a real server. */
const FINISHED_JOBS_MAX = 100
/** Background jobs that run at a time. Each keeps its request, however large, while its client starts the next. */
const BACKGROUND_JOBS_MAX = 256

/** Calls a function later, never at once. */
export type Defer = (step: () => void, delayMs: number) => void

/** Gives way to others, or waits; a wait keeps no process alive. */
const deferOnEventLoop: Defer = (step, delayMs) => {
  if (delayMs <= 0) setImmediate(step)
  else setTimeout(step, delayMs).unref()
}

/** The queries of a node: those that run, and the last that ended. */
export class JobRegistry {
  readonly #clock: Clock
  readonly #defer: Defer
  /** In the order in which they were started. */
  readonly #jobs = new Map<bigint, Job>()
  #isClosed = false

  constructor(clock: Clock, defer: Defer = deferOnEventLoop) {
    this.#clock = clock
    this.#defer = defer
  }

  /** @throws CommandError PARAMETER for an id that is known already, FORBIDDEN for a background job too many */
  start(description: JobDescription): Job {
    if (this.#jobs.has(description.id)) throw badRequest('id of another job')
    const job = new Job(description, this.#clock)
    if (job.isBackground && this.#activeInBackground() >= BACKGROUND_JOBS_MAX) {
      throw new CommandError(RESULT_CODES.FORBIDDEN, 'too many background jobs')
    }
    this.#forgetOldest()
    this.#jobs.set(description.id, job)
    return job
  }

  /** Runs a step of a job later, unless the registry is closed meanwhile. */
  later(step: () => void, delayMs = 0): void {
    this.#defer(() => {
      if (!this.#isClosed) step()
    }, delayMs)
  }

  find(id: bigint): Job | undefined {
    return this.#jobs.get(id)
  }

  /** Newest first. */
  all(): readonly Job[] {
    return [...this.#jobs.values()].reverse()
  }

  /** Aborts all that run; returns how many those are. */
  abortAll(): number {
    let aborted = 0
    for (const job of this.#jobs.values()) if (job.abort()) aborted++
    return aborted
  }

  /** Ends all jobs where they are. Nothing is run from here on. */
  close(): void {
    this.#isClosed = true
    this.abortAll()
  }

  #activeInBackground(): number {
    let active = 0
    for (const job of this.#jobs.values()) if (job.isBackground && job.isActive) active++
    return active
  }

  #forgetOldest(): void {
    const finished = [...this.#jobs].filter(([, job]) => !job.isActive)
    const excess = finished.length - FINISHED_JOBS_MAX + 1
    for (const [id] of finished.slice(0, Math.max(0, excess))) this.#jobs.delete(id)
  }
}
