import { type Logger, pino } from 'pino'
import { UsageError } from './failure.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent']
const LEVEL_NAMES: Readonly<Record<number, string>> = pino.levels.labels
/** What stands in every line, and tells a reader at a terminal nothing. */
const OMITTED: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'event', 'msg', 'err'])

/**
 * Logs of a command go to stderr from `UTXO_STORE_LOG` on (warn where it is not set): as JSON lines, or as text
 * where stderr is a terminal. Throws `UsageError` for a level that does not exist.
 */
export function createLog(stderr: { readonly isTTY?: boolean } = process.stderr): Logger {
  const level = process.env.UTXO_STORE_LOG || 'warn'
  if (!LEVELS.includes(level))
    throw new UsageError(`UTXO_STORE_LOG ${level} is not one of ${LEVELS.join(', ')}.`)
  if (!stderr.isTTY) return pino({ level }, pino.destination({ dest: 2, sync: true }))
  return pino({ level }, { write: line => void process.stderr.write(`${readableLine(line)}\n`) })
}

/** One line of JSON for people: level, event, message, the fields of the event, and why. */
export function readableLine(line: string): string {
  const { level, event, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown> & {
    level: number
    err?: { message?: string }
  }
  const told = Object.entries(fields)
    .filter(([name]) => !OMITTED.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [LEVEL_NAMES[level] ?? String(level), event, msg, ...told, err?.message]
    .filter(part => part !== undefined && part !== '')
    .join('  ')
}
