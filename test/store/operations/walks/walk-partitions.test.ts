import { describe, expect, it } from '@jest/globals'
import { queryCount, splitPartitions } from '../../../../lib/store/operations/walks/partition-ranges.ts'
import { RecordWalk } from '../../../../lib/store/operations/walks/record-walk.ts'
import { BATCH_ENTRIES, walkPartitions } from '../../../../lib/store/operations/walks/walk-partitions.ts'
import type { Queries } from '../../../../lib/transport/index.ts'
import { contextWith, ScriptedTransport, scriptedAdministration } from '../../support/store-fixture.ts'

const context = (queries: Queries, each = 3) =>
  contextWith(new ScriptedTransport(() => ({})), { prunerUtxoPartitionQueries: each }, { queries })

/** So many records in each partition; `onPartition` is told each before it is read. */
const dense = (records: number, onPartition: (partition: number) => void = () => {}): Queries => ({
  async *query({ partitions = { begin: 0, count: 4_096 } }, { onPartitions, signal }) {
    for (let n = 0; n < partitions.count; n += 1) {
      signal?.throwIfAborted()
      onPartition(partitions.begin + n)
      for (let record = 0; record < records; record += 1)
        yield { digest: new Uint8Array(20), bins: { partition: partitions.begin + n } }
      onPartitions?.(1)
    }
  },
})

function walkOver(queries: Queries): RecordWalk<number> {
  return new RecordWalk(
    (work, signal) => work(signal),
    (output, signal) =>
      walkPartitions(
        context(queries),
        {
          request: { bins: [] },
          decode: records => records.map(({ bins }) => Number(bins.partition)),
          onProgress: undefined,
        },
        output,
        signal,
      ),
  )
}

describe('a walk', () => {
  it('reads every partition once, in batches that are full but for the last of each query', async () => {
    const seen = new Array<number>(4_096).fill(0)
    const lengths: number[] = []
    for await (const batch of walkOver(dense(10))) {
      lengths.push(batch.length)
      for (const partition of batch) seen[partition] = (seen[partition] ?? 0) + 1
    }
    expect(new Set(seen)).toEqual(new Set([10]))
    expect(Math.max(...lengths)).toBeLessThanOrEqual(BATCH_ENTRIES)
    expect(lengths.length).toBe(3)
  })

  it('waits for a slow consumer: each query is one batch and a group ahead at the most', async () => {
    let read = 0
    const walk = walkOver(
      dense(100, () => {
        read += 1
      }),
    )
    const iterator = walk[Symbol.asyncIterator]()
    await iterator.next()
    let before = -1
    while (before !== read) {
      before = read
      await new Promise(resolve => setImmediate(resolve))
    }
    // Four batches and as many groups as there are queries.
    expect(walk.recordsScanned).toBeLessThanOrEqual(4 * BATCH_ENTRIES + 3 * 1_024)
    expect(read).toBeLessThan(1_000)
    await walk.close()
    expect((await iterator.next()).done).toBe(true)
  })

  it('ends with the first failure, and its other queries with it', async () => {
    let read = 0
    const queries = dense(1_000, partition => {
      read += 1
      if (partition === 1_400) throw new Error('torn')
    })
    await expect(
      (async () => {
        for await (const _ of walkOver(queries)) {
          // Taken and forgotten.
        }
      })(),
    ).rejects.toThrow('torn')
    expect(read).toBeLessThan(4_096)
  })
})

describe('partitions', () => {
  it.each([1, 3, 7, 16])('are split into %d ranges without a gap', ranges => {
    const split = splitPartitions(ranges)
    expect(split.flatMap(({ begin, count }) => Array.from({ length: count }, (_, n) => begin + n))).toEqual(
      Array.from({ length: 4_096 }, (_, n) => n),
    )
  })

  it.each([
    [0, 'query-threads-limit=4', 1],
    [0, 'a=1;query-threads-limit=1;b=2', 1],
    [5, 'query-threads-limit=4', 5],
    [100, '', 16],
  ])(
    'with the setting %d and a server that says %j are read by %d queries',
    async (each, answer, expected) => {
      const administration = { ...scriptedAdministration(), infoOfNodes: async () => [{ node: 'A', answer }] }
      const settings = { prunerUtxoPartitionQueries: each }
      expect(
        await queryCount(contextWith(new ScriptedTransport(() => ({})), settings, { administration })),
      ).toBe(expected)
    },
  )
})
