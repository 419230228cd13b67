import type { LogFields, Logger } from '../../../lib/store/logging/logger.ts'

/** A logger that keeps what it is told, each line with its level. */
export function recordingLogger(): { lines: (LogFields & { level: string })[]; logger: Logger } {
  const lines: (LogFields & { level: string })[] = []
  const at =
    (level: string) =>
    (fields: object): void =>
      void lines.push({ level, ...(fields as LogFields) })
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}
