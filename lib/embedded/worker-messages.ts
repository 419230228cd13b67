import type { NodeState } from './embedded-node.ts'
import type { NodeAddress } from './handle.ts'
import type { LogLevel } from './log.ts'
import type { CallFailure, ServerCall } from './server-control.ts'
import type { ServerSettings } from './settings.ts'

/** What the thread of a server is started with. */
export interface WorkerInput {
  readonly settings: ServerSettings
  /** Whether somebody listens to what it logs. */
  readonly logs: boolean
}

/** What the thread of a server is asked. */
export interface WorkerRequest {
  /** Comes back with the answer. */
  readonly id: number
  readonly call: ServerCall
}

/** What the thread of a server tells. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly nodes: readonly NodeAddress[] }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'state'; readonly position: number; readonly state: NodeState }
  | { readonly kind: 'answer'; readonly id: number; readonly value: number }
  | { readonly kind: 'refusal'; readonly id: number; readonly failure: CallFailure }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
