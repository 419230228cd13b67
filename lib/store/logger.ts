/** The part of pino's shape that the store uses; a pino logger fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** A logger that cannot fail a call: what the given one throws is dropped. Without one nothing is logged. */
export function safeLogger(logger: Logger | undefined): Logger {
  const methods = LEVELS.map(level => [
    level,
    (fields: object, message: string): void => {
      try {
        logger?.[level](fields, message)
      } catch {
        // There is nobody to tell: the logger is the one who would be told.
      }
    },
  ])
  return Object.fromEntries(methods) as Logger
}
