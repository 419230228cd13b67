export type { MetricsRegistry } from './registry.ts'
export { createMetrics, type StoreMetrics } from './store-metrics.ts'
