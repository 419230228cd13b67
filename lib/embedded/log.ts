export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** Receives what the server and functions in Lua log. Never called with text of a record. */
export type Log = (level: LogLevel, text: string) => void

/** What is logged of a defect: where it happened, if that is known. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

export const silentLog: Log = () => {}
