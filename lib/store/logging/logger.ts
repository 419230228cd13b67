import { InvalidArgumentError } from '../../errors/index.ts'
import type { LogEvent } from './log-events.ts'

/** The part of pino's shape that the store uses; a pino logger fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Without one of its functions the lines of that level would be lost unnoticed. */
export function checkLogger(logger: Logger | undefined): void {
  if (logger !== undefined && !LEVELS.every(level => typeof logger?.[level] === 'function'))
    throw new InvalidArgumentError('logger', `an object with the functions ${LEVELS.join(', ')}`, logger)
}

/** Fields of a log line: a known event, and what belongs to it. */
export interface LogFields {
  readonly event: LogEvent
  readonly [field: string]: unknown
}

/** The logger as the store sees it: every line has an event of the table. */
export type EventLogger = {
  readonly [Level in (typeof LEVELS)[number]]: (fields: LogFields, message: string) => void
}

/** A logger that cannot fail a call: what the given one throws is dropped. Without one nothing is logged. */
export function safeLogger(logger: Logger | undefined): EventLogger {
  const methods = LEVELS.map(level => [
    level,
    (fields: LogFields, message: string): void => {
      try {
        logger?.[level](fields, message)
      } catch {
        // There is nobody to tell: the logger is the one who would be told.
      }
    },
  ])
  return Object.fromEntries(methods) as EventLogger
}
