export { CoalescingCache, type CoalescingCacheOptions } from './coalescing-cache.ts'
export type { BlobType, ExternalCallOptions, ExternalStore } from './external-store.ts'
export { MemoryStore } from './memory-store.ts'
export { openExternalStore } from './open-external-store.ts'
