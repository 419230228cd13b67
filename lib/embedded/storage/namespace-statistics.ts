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

/** The kinds that have a histogram of their own: a delete is a write. */
const HISTOGRAM_KINDS = ['read', 'write', 'udf'] as const

/** Those of the commands that came alone, or in batches. */
class OriginStatistics {
  readonly counters: Readonly<Record<CommandKind, Map<string, number>>> = {
    read: zeros('read'),
    write: zeros('write'),
    delete: zeros('delete'),
    udf: zeros('udf'),
  }
  readonly latencies: Readonly<Record<CommandKind, LatencyHistogram>>

  constructor() {
    const write = new LatencyHistogram()
    this.latencies = { read: new LatencyHistogram(), write, delete: write, udf: new LatencyHistogram() }
  }
}

function zeros(kind: CommandKind): Map<string, number> {
  return new Map(OUTCOMES[kind].map(outcome => [outcome, 0]))
}

/** Counters and latencies of a namespace, named as a real server names them. */
export class NamespaceStatistics {
  readonly #alone = new OriginStatistics()
  readonly #inBatches = new OriginStatistics()
  /** By name: `read`, `batch-sub-read` … */
  readonly latencies: ReadonlyMap<string, LatencyHistogram> = new Map(
    (
      [
        ['', this.#alone],
        ['batch-sub-', this.#inBatches],
      ] as const
    ).flatMap(([prefix, { latencies }]) =>
      HISTOGRAM_KINDS.map(kind => [`${prefix}${kind}`, latencies[kind]] as const),
    ),
  )

  count(kind: CommandKind, inBatch: boolean, resultCode: number): void {
    const counters = (inBatch ? this.#inBatches : this.#alone).counters[kind]
    const outcome = outcomeOf(kind, resultCode)
    counters.set(outcome, (counters.get(outcome) ?? 0) + 1)
  }

  /** @param nowMs of a clock that never goes back; the command has just ended */
  time(kind: CommandKind, inBatch: boolean, nowMs: number, durationMs: number): void {
    const { latencies } = inBatch ? this.#inBatches : this.#alone
    latencies[kind].record(nowMs, durationMs)
  }

  *entries(): Generator<[string, number], void> {
    for (const [origin, { counters }] of [
      ['client', this.#alone],
      ['batch_sub', this.#inBatches],
    ] as const) {
      for (const [kind, outcomes] of Object.entries(counters)) {
        for (const [outcome, count] of outcomes) yield [`${origin}_${kind}_${outcome}`, count]
      }
    }
  }
}
