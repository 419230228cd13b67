import type { LogLevel } from './log.ts'
import type { ServerSettings } from './settings.ts'

/** What the thread of a server is started with. */
export interface WorkerInput {
  readonly settings: ServerSettings
  /** Whether somebody listens to what it logs. */
  readonly logs: boolean
}

/** What the thread of a server tells. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
