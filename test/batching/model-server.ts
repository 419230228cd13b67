import type { ConcurrencyLimit } from '../../lib/batching/index.ts'

export interface ModelOptions {
  limit: ConcurrencyLimit
  /** Requests in service at a time; the others queue in the server, first come first served. */
  capacity: number
  /** Time of one in service, in milliseconds, by the time of the simulation. */
  serviceMs: (nowMs: number) => number
  /** The service time varies evenly by this share. */
  jitter?: number
  durationMs: number
  /** Requests that last longer count as dropped. */
  timeoutMs?: number
  /** Batches to send, as a share of what the server can do; without it there is always another. */
  load?: number
}

export interface ModelRun {
  readonly completed: { readonly atMs: number; readonly latencyMs: number; readonly isDropped: boolean }[]
  readonly limits: { readonly atMs: number; readonly limit: number }[]
}

/** A client that keeps as many requests in flight as its limit says, on a server of fixed capacity, in virtual time. */
export function simulate(options: ModelOptions): ModelRun {
  return new Model(options).run()
}

export function throughput(run: ModelRun, fromMs: number, toMs: number): number {
  const done = run.completed.filter(({ atMs, isDropped }) => !isDropped && atMs >= fromMs && atMs < toMs)
  return (done.length * 1_000) / (toMs - fromMs)
}

export function latencyMs(run: ModelRun, quantile: number, fromMs: number, toMs: number): number {
  const all = run.completed.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).map(each => each.latencyMs)
  return all.sort((a, b) => a - b)[Math.floor(all.length * quantile)] ?? Number.NaN
}

class Model {
  readonly #options: ModelOptions
  readonly #events = new EventQueue()
  readonly #waiting: (() => void)[] = []
  readonly #run: ModelRun = { completed: [], limits: [] }
  #inService = 0
  #inFlight = 0
  #seed = 1

  constructor(options: ModelOptions) {
    this.#options = options
  }

  run(): ModelRun {
    const { durationMs, load, capacity, serviceMs } = this.#options
    if (load === undefined) this.#fill()
    else {
      const everyMs = serviceMs(0) / (capacity * load)
      for (let atMs = 0; atMs < durationMs; atMs += everyMs) this.#events.add(atMs, () => this.#arrive())
    }
    while (this.#events.nextAtMs < durationMs) this.#events.runNext()
    return this.#run
  }

  #arrive(): void {
    // What finds no place is another client's matter here; the limiter has to see a pool that is not full.
    if (this.#inFlight < this.#options.limit.limit) this.#send(false)
  }

  #fill(): void {
    while (this.#inFlight < this.#options.limit.limit) this.#send(true)
  }

  #send(isFull: boolean): void {
    const { limit, timeoutMs = Number.POSITIVE_INFINITY } = this.#options
    this.#inFlight += 1
    const finish = limit.begin()
    const sentAtMs = this.#events.nowMs
    this.#waiting.push(() => {
      this.#inFlight -= 1
      const atMs = this.#events.nowMs
      const durationMs = atMs - sentAtMs
      const isDropped = durationMs > timeoutMs
      finish({ durationMs, isFull, isDropped })
      this.#run.completed.push({ atMs, latencyMs: durationMs, isDropped })
      this.#run.limits.push({ atMs, limit: limit.limit })
      if (this.#options.load === undefined) this.#fill()
    })
    this.#serve()
  }

  #serve(): void {
    const { capacity, serviceMs, jitter = 0 } = this.#options
    while (this.#inService < capacity) {
      const done = this.#waiting.shift()
      if (done === undefined) return
      this.#inService += 1
      const ms = serviceMs(this.#events.nowMs) * (1 - jitter + 2 * jitter * this.#random())
      this.#events.add(this.#events.nowMs + ms, () => {
        this.#inService -= 1
        done()
        this.#serve()
      })
    }
  }

  /** A linear congruential generator: the same run every time. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32
  }
}

/** Events by time, as a binary heap. */
class EventQueue {
  readonly #heap: { readonly atMs: number; readonly run: () => void }[] = []
  nowMs = 0

  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  add(atMs: number, run: () => void): void {
    const heap = this.#heap
    let place = heap.length
    heap.push({ atMs, run })
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#at(parent) <= this.#at(place)) return
      this.#swap(parent, place)
      place = parent
    }
  }

  runNext(): void {
    const heap = this.#heap
    const [next] = heap
    const last = heap.pop()
    if (next === undefined || last === undefined) return
    if (heap.length > 0) {
      heap[0] = last
      this.#sink()
    }
    this.nowMs = next.atMs
    next.run()
  }

  #sink(): void {
    for (let place = 0; ; ) {
      const left = 2 * place + 1
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left
      if (this.#at(place) <= this.#at(child)) return
      this.#swap(place, child)
      place = child
    }
  }

  #at(place: number): number {
    return this.#heap[place]?.atMs ?? Number.POSITIVE_INFINITY
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    const held = heap[a]
    const other = heap[b]
    if (held === undefined || other === undefined) return
    heap[a] = other
    heap[b] = held
  }
}
