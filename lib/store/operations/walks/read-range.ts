import {
  type PartitionRange,
  QueryError,
  type QueryRecord,
  type QueryRequest,
} from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { pause } from './pause.ts'

/** Attempts of one range in all (semantics 5.1). */
const ATTEMPTS_MAX = 10
const PAUSE_MS_MIN = 50
const PAUSE_MS_MAX = 5_000

export interface RangeOptions {
  readonly signal: AbortSignal | undefined
  /** Whether a query that gave nothing for the idle timeout is asked again, instead of failing the range. */
  readonly retriesIdle: boolean
  /** The most records of one group. */
  readonly groupSize: number
  readonly onPartitions: (count: number) => void
  readonly onRetry: () => void
}

/**
 * Reads a range of partitions in groups of records. Where the server or the way to it fails, what was read is
 * handed out, and only the partitions that are still to be read are asked for again: no record is missed or
 * comes twice (lesson 66). A query asks for its next records when the group has been consumed.
 */
export async function* readRange(
  context: StoreContext,
  request: Omit<QueryRequest, 'partitions'>,
  range: PartitionRange,
  { signal, retriesIdle, groupSize, onPartitions, onRetry }: RangeOptions,
): AsyncGenerator<QueryRecord[], void, void> {
  const idleTimeoutMs = context.settings.queryIdleTimeoutSeconds * 1_000
  let partitions = range
  for (let attempt = 1; ; attempt += 1) {
    let group: QueryRecord[] = []
    let failure: unknown
    try {
      const options = { signal, idleTimeoutMs, onPartitions }
      for await (const record of context.queries.query({ ...request, partitions }, options)) {
        group.push(record)
        if (group.length < groupSize) continue
        const full = group
        group = []
        yield full
      }
    } catch (error) {
      failure = error
    }
    if (group.length > 0) yield group
    if (failure === undefined) return
    if (attempt === ATTEMPTS_MAX || !isWorthAnother(failure, retriesIdle)) throw failure
    partitions = failure.remaining
    onRetry()
    context.logger.warn(
      { event: 'range_retried', ...partitions, attempt, err: failure },
      'a query ended early; the partitions that it had not read are asked for again',
    )
    await pause(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (attempt - 1)), signal)
  }
}

function isWorthAnother(failure: unknown, retriesIdle: boolean): failure is QueryError {
  if (!(failure instanceof QueryError) || !failure.isTransient) return false
  return retriesIdle || failure.code !== 'SERVICE_UNAVAILABLE'
}
