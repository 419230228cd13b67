/** The part of pino's shape that the store uses; a pino logger fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What a store without a logger uses: a library writes nothing unasked. */
export const SILENT: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}
