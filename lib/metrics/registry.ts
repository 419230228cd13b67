/** The part of a prom-client Registry that the store uses; prom-client itself is not needed. */
export interface MetricsRegistry {
  /** Takes anything with a name and a `get()`, as prom-client's own metrics have them. */
  registerMetric(metric: never): void
  /** Returns what was registered under a name. */
  getSingleMetric(name: string): unknown
}

/** A value for each label of a metric. */
export type Labels<Label extends string = string> = Readonly<Record<Label, string>>

export const TOPICS = ['Calls', 'Batches', 'Load', 'Spends', 'Repairs'] as const
export type Topic = (typeof TOPICS)[number]

export type Unit =
  | 'calls'
  | 'items'
  | 'seconds'
  | 'rows'
  | 'batches'
  | 'inputs'
  | 'connections'
  | 'events'
  | 'state'

/** What a metric is: the documents and the dashboard are made from it. */
export interface MetricDefinition<Label extends string> {
  readonly name: string
  readonly help: string
  /** What it tells something about: documents and dashboard are ordered by it. */
  readonly topic: Topic
  /** What one of its values counts or measures. */
  readonly unit: Unit
  /** Its labels, and what their values are. */
  readonly labels: Readonly<Record<Label, string>>
  /**
   * Of a counter: the series that are 0 before their first event. One that appeared with it would have grown by
   * nothing, and an alarm on its rate would stay silent.
   */
  readonly zeros?: readonly Labels<Label>[]
}

interface MetricValue {
  readonly value: number
  readonly labels: Labels
  readonly metricName?: string
}

/** What a prom-client registry reads from a metric when it is scraped. */
interface MetricSnapshot {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly MetricValue[]
  readonly aggregator: 'sum'
}

interface Series<State> {
  readonly labels: Labels
  readonly state: State
}

abstract class Metric<State, Label extends string> {
  readonly name: string
  readonly help: string
  readonly topic: Topic
  readonly unit: Unit
  readonly labels: Readonly<Record<Label, string>>
  readonly aggregator = 'sum'
  abstract readonly type: MetricSnapshot['type']
  protected readonly series = new Map<string, Series<State>>()

  constructor({ name, help, topic, unit, labels }: MetricDefinition<Label>) {
    this.name = name
    this.help = help
    this.topic = topic
    this.unit = unit
    this.labels = labels
  }

  get(): MetricSnapshot {
    const { name, help, type } = this
    return {
      name,
      help,
      type,
      aggregator: 'sum',
      values: [...this.series.values()].flatMap(entry => this.valuesOf(entry)),
    }
  }

  protected stateOf(labels: Labels<Label>): State {
    // On the way of every call: cheaper than an array of the values.
    let key = ''
    for (const name in labels) key += `${labels[name]}\0`
    let entry = this.series.get(key)
    if (entry === undefined) {
      entry = { labels, state: this.newState() }
      this.series.set(key, entry)
    }
    return entry.state
  }

  protected abstract newState(): State
  protected abstract valuesOf(entry: Series<State>): MetricValue[]
}

/** A count that only grows. */
export class Counter<Label extends string = string> extends Metric<{ value: number }, Label> {
  readonly type = 'counter'

  constructor(definition: MetricDefinition<Label>) {
    super(definition)
    for (const labels of definition.zeros ?? []) this.stateOf(labels)
  }

  increment(labels: Labels<Label>, by = 1): void {
    this.stateOf(labels).value += by
  }

  /** One series, for who counts in it again and again: it is not looked up each time. */
  of(labels: Labels<Label>): { increment(): void } {
    const state = this.stateOf(labels)
    return {
      increment: () => {
        state.value += 1
      },
    }
  }

  protected newState(): { value: number } {
    return { value: 0 }
  }

  protected valuesOf({ labels, state }: Series<{ value: number }>): MetricValue[] {
    return [{ labels, value: state.value }]
  }
}

/** A value that is read from its sources when the registry is scraped; sources of the same labels add up. */
export class Gauge<Label extends string = string> extends Metric<Set<() => number>, Label> {
  readonly type = 'gauge'

  /** Reads `source` from now on, until the function that comes back is called. */
  addSource(labels: Labels<Label>, source: () => number): () => void {
    const sources = this.stateOf(labels)
    // An entry of its own: two stores may give the same function.
    const entry = (): number => source()
    sources.add(entry)
    return () => sources.delete(entry)
  }

  protected newState(): Set<() => number> {
    return new Set()
  }

  protected valuesOf({ labels, state }: Series<Set<() => number>>): MetricValue[] {
    let value = 0
    for (const source of state) value += source()
    return state.size === 0 ? [] : [{ labels, value }]
  }
}

interface HistogramState {
  /** Observations up to each bound, not cumulated; one more for those above the last. */
  readonly counts: number[]
  sum: number
}

/** Observations counted by size; the bounds are fixed when it is made. */
export class Histogram<Label extends string = string> extends Metric<HistogramState, Label> {
  readonly type = 'histogram'
  /** Upper bounds of the buckets; one more takes what is above the last. */
  readonly bounds: readonly number[]

  constructor(definition: MetricDefinition<Label>, bounds: readonly number[]) {
    super(definition)
    this.bounds = bounds
  }

  observe(labels: Labels<Label>, value: number): void {
    this.#observe(this.stateOf(labels), value)
  }

  /** One series, for who observes in it again and again: it is not looked up each time. */
  of(labels: Labels<Label>): { observe(value: number): void } {
    const state = this.stateOf(labels)
    return { observe: value => this.#observe(state, value) }
  }

  #observe(state: HistogramState, value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket += 1
    state.counts[bucket] = (state.counts[bucket] ?? 0) + 1
    state.sum += value
  }

  protected newState(): HistogramState {
    return { counts: new Array(this.bounds.length + 1).fill(0), sum: 0 }
  }

  protected valuesOf({ labels, state }: Series<HistogramState>): MetricValue[] {
    let total = 0
    const buckets = state.counts.map((count, index) => {
      total += count
      return {
        metricName: `${this.name}_bucket`,
        labels: { ...labels, le: String(this.bounds[index] ?? '+Inf') },
        value: total,
      }
    })
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: state.sum },
      { metricName: `${this.name}_count`, labels, value: total },
    ]
  }
}
