import type { QueryRecord, QueryRequest } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { PARTITIONS, queryCount, splitPartitions } from './partition-ranges.ts'
import { readRange } from './read-range.ts'
import type { WalkOutput, WalkProgress } from './record-walk.ts'

/** The most entries of one batch (semantics 3.15). */
export const BATCH_ENTRIES = 16_384
/** Records that are decoded together; small, so that a reader of bodies does not hold many of them. */
const GROUP_RECORDS = 1_024

export interface PartitionWalk<Entry> {
  readonly request: Omit<QueryRequest, 'partitions'>
  /** The entries of a group of records; those without an entry are passed over. What it throws ends the walk. */
  decode(records: readonly QueryRecord[]): Promise<Entry[]> | Entry[]
  readonly onProgress: ((progress: WalkProgress) => void) | undefined
}

/**
 * Reads a set by several queries side by side, each over its own partitions. In memory are, for each query, the
 * records of one slice and one batch.
 */
export async function walkPartitions<Entry>(
  context: StoreContext,
  { request, decode, onProgress }: PartitionWalk<Entry>,
  output: WalkOutput<Entry>,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  let done = 0
  let records = 0
  const worker = async (range: { begin: number; count: number }): Promise<void> => {
    let batch: Entry[] = []
    const groups = readRange(context, request, range, {
      signal: both,
      // An idle scan fails instead of hanging (lesson 65).
      retriesIdle: false,
      groupSize: GROUP_RECORDS,
      onPartitions: count => {
        done += count
        onProgress?.({ done, total: PARTITIONS, records })
      },
      onRetry: () => {},
    })
    for await (const group of groups) {
      both.throwIfAborted()
      records += group.length
      output.counted(group.length)
      const entries = await decode(group)
      if (batch.length + entries.length > BATCH_ENTRIES) {
        await output.hand(batch)
        batch = []
      }
      batch.push(...entries)
    }
    if (batch.length > 0) await output.hand(batch)
  }
  const ranges = splitPartitions(await queryCount(context))
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    ranges.map(range =>
      worker(range).catch((error: unknown) => {
        failure ??= { error }
        ended.abort()
      }),
    ),
  )
  if (failure !== undefined) throw failure.error
}
