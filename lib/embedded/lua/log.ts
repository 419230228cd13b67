/** The levels of Aerospike's Lua: `aerospike:log(1 … 4, text)` and the functions of these names. */
export const LOG_LEVELS = ['warn', 'info', 'debug', 'trace'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** Receives what functions log and print. */
export type LogSink = (level: LogLevel, text: string) => void
