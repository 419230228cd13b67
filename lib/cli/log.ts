import { type Logger, pino } from 'pino'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

/** Logs of a command go to stderr as JSON lines, from `UTXO_STORE_LOG` on (warn where it is not set). */
export function createLog(): Logger {
  const wanted = process.env.UTXO_STORE_LOG ?? ''
  return pino({ level: LEVELS.includes(wanted) ? wanted : 'warn' }, pino.destination({ dest: 2, sync: true }))
}
