import { availableParallelism } from 'node:os'
import type { PartitionRange } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'

export const PARTITIONS = 4096
/** Queries hold connections of their own beside those of batches, and there are no more of them. */
const QUERIES_MAX = 16
/** A server's own limit where it does not tell: its default. */
const QUERY_THREADS_DEFAULT = 128

/** All partitions in so many ranges of nearly equal size. */
export function splitPartitions(ranges: number): PartitionRange[] {
  return Array.from({ length: ranges }, (_, index) => {
    const begin = Math.floor((PARTITIONS * index) / ranges)
    return { begin, count: Math.floor((PARTITIONS * (index + 1)) / ranges) - begin }
  })
}

/**
 * Queries side by side: as the setting says, or one for each processor but no more than a quarter of the threads
 * that the server gives to queries (semantics 3.15).
 */
export async function queryCount({ settings, administration }: StoreContext): Promise<number> {
  if (settings.prunerUtxoPartitionQueries > 0)
    return Math.min(QUERIES_MAX, settings.prunerUtxoPartitionQueries)
  const answers = await administration.infoOfNodes('get-config:context=service')
  const limits = answers.map(({ answer }) =>
    Number(/(?:^|;)query-threads-limit=(\d+)/.exec(answer)?.[1] ?? QUERY_THREADS_DEFAULT),
  )
  const quarter = Math.floor(Math.min(QUERY_THREADS_DEFAULT, ...limits) / 4)
  return Math.max(1, Math.min(QUERIES_MAX, availableParallelism(), quarter))
}
