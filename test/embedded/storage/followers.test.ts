import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { BinList, findStoredBin } from '../../../lib/embedded/storage/bin-list.ts'
import { Namespace } from '../../../lib/embedded/storage/namespace.ts'
import type { RecordFollower } from '../../../lib/embedded/storage/record-follower.ts'
import { partitionId, recordDigest, userKey } from '../../../lib/protocol/index.ts'
import { encoded } from '../support/encoded.ts'
import { ManualClock } from '../support/manual-clock.ts'

function integerBins(value: number): BinList {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return BinList.of([{ name: 'n', type: 1, value: bytes }])
}

function setUp() {
  const clock = new ManualClock()
  const namespace = new Namespace('test', clock)
  const events: string[] = []
  const value = (bins: Buffer, count: number) => findStoredBin(bins, count, 'n')?.value.readInt8(7)
  const follower: RecordFollower = {
    written(digest, record, before) {
      const from = before === undefined ? 'nothing' : value(before.bins, before.binCount)
      events.push(`${digest.toString('hex', 0, 2)} ${from} -> ${value(record.bins, record.binCount)}`)
    },
    removed(digest, record) {
      events.push(`${digest.toString('hex', 0, 2)} ${value(record.bins, record.binCount)} gone`)
    },
  }
  namespace.follow(follower)
  const write = (digest: Buffer, n: number, voidTimeSeconds = 0) =>
    namespace.write({
      digest,
      existing: namespace.find(digest),
      setName: 'demo',
      bins: integerBins(n),
      voidTimeSeconds,
      userKey: undefined,
    })
  return { clock, namespace, events, write }
}

const DIGEST = Buffer.alloc(20, 0xab)

describe('followers of a namespace', () => {
  it('hear of every change with the bins before it', () => {
    const { clock, namespace, events, write } = setUp()
    write(DIGEST, 1)
    namespace.touch(DIGEST, write(DIGEST, 2), 0)
    namespace.remove(DIGEST)
    write(DIGEST, 3, namespace.nowSeconds + 5)
    clock.advanceSeconds(6)
    write(DIGEST, 4)
    namespace.clearPartition(partitionId(DIGEST))
    expect(events).toEqual([
      'abab nothing -> 1',
      'abab 1 -> 2',
      'abab 2 -> 2',
      'abab 2 gone',
      'abab nothing -> 3',
      'abab 3 gone',
      'abab nothing -> 4',
      'abab 4 gone',
    ])
  })

  it('hear of records that another node sends', () => {
    const { namespace, events } = setUp()
    const image = (n: number, setName: string) => {
      const bins = integerBins(n)
      return {
        digest: DIGEST,
        setName,
        bins: encoded(bins),
        binCount: bins.count,
        generation: 40 + n,
        voidTimeSeconds: 0,
        lastUpdateMs: 7,
        userKey: undefined,
      }
    }
    namespace.store(image(1, 'demo'))
    const record = namespace.store(image(2, 'demo'))
    expect([record.generation, record.lastUpdateMs, namespace.objects]).toEqual([42, 7, 1])
    namespace.store(image(3, 'other'))
    expect([
      namespace.objects,
      namespace.findSet('demo')?.objects,
      namespace.findSet('other')?.objects,
    ]).toEqual([1, 0, 1])
    expect(events).toEqual(['abab nothing -> 1', 'abab 1 -> 2', 'abab 2 gone', 'abab nothing -> 3'])
  })
})

describe('the records of a partition', () => {
  it('come from the highest digest down, as they are now', () => {
    const { namespace, write } = setUp()
    const digestOf = (byte: number) => Buffer.concat([Buffer.alloc(2), Buffer.alloc(18, byte)])
    const order = () =>
      namespace
        .partition(0)
        .descendingIds()
        .map(id => id.charCodeAt(2))
    for (const byte of [3, 9, 5, 7]) write(digestOf(byte), 1)
    expect(order()).toEqual([9, 7, 5, 3])
    namespace.remove(digestOf(5))
    expect(order()).toEqual([9, 7, 3])
    write(digestOf(8), 1)
    expect(order()).toEqual([9, 8, 7, 3])
  })
})

describe('truncating very many records', () => {
  it('hides all of them at once, and frees them later', async () => {
    const { namespace, clock, write } = setUp()
    const digests = Array.from({ length: 12_000 }, (_, at) => recordDigest('demo', userKey(at)))
    for (const digest of digests) write(digest, 1)
    clock.advanceMs(5)
    namespace.truncate('demo', namespace.nowMs)
    expect(namespace.objects).toBeGreaterThan(0)
    expect(digests.filter(digest => namespace.find(digest) ?? namespace.findExpiredToo(digest))).toEqual([])
    const last = digests.at(-1) ?? DIGEST
    expect(write(last, 2).generation).toBe(1)
    for (let turn = 0; turn < 1_000 && namespace.objects > 1; turn++) await nextTurn()
    expect(namespace.objects).toBe(1)
    expect(namespace.find(last)).toBeDefined()
    expect(namespace.dataUsedBytes).toBe(namespace.find(last)?.sizeBytes)
  })
})
