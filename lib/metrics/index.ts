export type { Gauge, Labels, MetricsRegistry } from './registry.ts'
export { createMetrics, type StoreMetrics } from './store-metrics.ts'
