export { Batcher, type BatcherOptions, type SubmitOptions } from './batcher.ts'
export type { BatchHandler, DispatchContext } from './dispatch-guard.ts'
export { BatchItem, type Outcome, WaitError } from './item-group.ts'
export type { BatchObserver, DispatchReason } from './observer.ts'
