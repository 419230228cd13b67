export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** Receives what the server and functions in Lua log. Never called with text of a record. */
export type Log = (level: LogLevel, text: string) => void

export const silentLog: Log = () => {}
