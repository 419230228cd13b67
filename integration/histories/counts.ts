import type { MetricsRegistry } from 'aerospike-utxo-store'

/** How many, by name. */
export type Counts = ReadonlyMap<string, number>

export function sum(all: readonly Counts[]): Map<string, number> {
  const total = new Map<string, number>()
  for (const [name, count] of all.flatMap(counts => [...counts])) {
    total.set(name, (total.get(name) ?? 0) + count)
  }
  return total
}

interface CounterMetric {
  readonly name: string
  get(): { values: readonly { value: number; labels: Readonly<Record<string, string>> }[] }
}

/** What the stores of an epoch count themselves, all together. */
export class EpochMetrics implements MetricsRegistry {
  readonly #metrics = new Map<string, CounterMetric>()

  registerMetric(metric: CounterMetric): void {
    this.#metrics.set(metric.name, metric)
  }

  getSingleMetric(name: string): CounterMetric | undefined {
    return this.#metrics.get(name)
  }

  byLabel(name: string, label: string): Counts {
    const values = this.#metrics.get(name)?.get().values ?? []
    // What never happened is no entry: a history asks which of them it has seen.
    const seen = values.filter(({ value }) => value > 0)
    return new Map(seen.map(({ labels, value }) => [labels[label] ?? '', value]))
  }
}
