export type { MetricsRegistry } from './registry.ts'
export { createMetrics, type GaugeName, type StoreMetrics } from './store-metrics.ts'
