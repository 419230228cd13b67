import { RESULT_CODES } from '../../protocol/index.ts'
import { LatencyHistogram } from '../latency-histogram.ts'

/** The kinds of commands that are counted, by their names in the statistics of a namespace. */
export type CommandKind = 'read' | 'write' | 'delete' | 'udf'

/** Which counter of a command's kind a result code adds to. */
function outcomeOf(kind: CommandKind, resultCode: number): string {
  if (resultCode === RESULT_CODES.OK) return kind === 'udf' ? 'complete' : 'success'
  if (resultCode === RESULT_CODES.FILTERED_OUT) return 'filtered_out'
  const countsMissing = kind === 'read' || kind === 'delete'
  return countsMissing && resultCode === RESULT_CODES.NOT_FOUND ? 'not_found' : 'error'
}

const OUTCOMES: Readonly<Record<CommandKind, readonly string[]>> = {
  read: ['success', 'error', 'timeout', 'not_found', 'filtered_out'],
  write: ['success', 'error', 'timeout', 'filtered_out'],
  delete: ['success', 'error', 'timeout', 'not_found', 'filtered_out'],
  udf: ['complete', 'error', 'timeout', 'filtered_out'],
}

/** The histogram that the commands of a kind are in: a delete is a write. */
const HISTOGRAMS: Readonly<Record<CommandKind, string>> = {
  read: 'read',
  write: 'write',
  delete: 'write',
  udf: 'udf',
}

/** Counters and latencies of a namespace, named as a real server names them. */
export class NamespaceStatistics {
  readonly #counters = new Map<string, number>()
  /** By name: `read`, `batch-sub-read` … */
  readonly latencies: ReadonlyMap<string, LatencyHistogram> = new Map(
    ['', 'batch-sub-'].flatMap(origin =>
      [...new Set(Object.values(HISTOGRAMS))].map(
        name => [`${origin}${name}`, new LatencyHistogram()] as const,
      ),
    ),
  )

  constructor() {
    for (const origin of ['client', 'batch_sub']) {
      for (const [kind, outcomes] of Object.entries(OUTCOMES)) {
        for (const outcome of outcomes) this.#counters.set(`${origin}_${kind}_${outcome}`, 0)
      }
    }
  }

  count(kind: CommandKind, inBatch: boolean, resultCode: number): void {
    const name = `${inBatch ? 'batch_sub' : 'client'}_${kind}_${outcomeOf(kind, resultCode)}`
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1)
  }

  /** @param nowMs of a clock that never goes back; the command has just ended */
  time(kind: CommandKind, inBatch: boolean, nowMs: number, durationMs: number): void {
    this.latencies.get(`${inBatch ? 'batch-sub-' : ''}${HISTOGRAMS[kind]}`)?.record(nowMs, durationMs)
  }

  entries(): Iterable<[string, number]> {
    return this.#counters
  }
}
