import type { FeedLogger } from './broker.ts'

/** The same logger, except that what it throws is dropped: it must stop neither a chain nor a message. */
export function guardedLogger(logger: FeedLogger): FeedLogger {
  return {
    warn(fields, message) {
      try {
        logger.warn(fields, message)
      } catch {}
    },
    error(fields, message) {
      try {
        logger.error(fields, message)
      } catch {}
    },
  }
}
