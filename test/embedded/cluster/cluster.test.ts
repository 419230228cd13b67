import { describe, expect, it } from '@jest/globals'
import {
  BATCH_FLAGS,
  encodeBatch,
  FIELD_TYPES,
  INFO1,
  INFO2,
  type MessageInit,
  RESULT_CODES,
} from '../../../lib/protocol/index.ts'
import {
  ClusterLab,
  DETECTION_MS,
  filledLab,
  KEYS,
  never,
  putMessage,
  statistic,
  wrongAt,
} from '../support/cluster-lab.ts'
import { bins, decodedFrame, keyFields } from '../support/test-node.ts'

const { OK, NOT_FOUND, TIMEOUT } = RESULT_CODES

describe('a node that fails', () => {
  it('loses nothing when it is killed, neither before nor after it is noticed', () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    const own = KEYS.filter(key => lab.masterOf(key) === 1)
    expect(own.length).toBeGreaterThan(50)
    expect(
      wrongAt(
        lab,
        0,
        KEYS.filter(key => lab.replicaOf(key) === 0 || !own.includes(key)),
      ),
    ).toEqual([])
    expect(lab.put(0, own[0] ?? '', 1)).toBeUndefined()
    lab.scheduler.advanceMs(DETECTION_MS)
    for (const position of [0, 2]) expect(wrongAt(lab, position)).toEqual([])
    expect(statistic(lab, 0, 'statistics', 'cluster_size')).toBe('2')
    expect(statistic(lab, 0, 'statistics', 'migrate_partitions_remaining')).not.toBe('0')
    expect(lab.info(0, 'cluster-stable:')).toMatch(/^ERROR/)
    lab.scheduler.drain()
    expect(statistic(lab, 0, 'statistics', 'migrate_partitions_remaining')).toBe('0')
    expect([0, 2].map(position => lab.namespace(position).objects)).toEqual([300, 300])
    // Now the next one may fail.
    lab.cluster.lost(2)
    lab.settle()
    expect(wrongAt(lab, 0)).toEqual([])
    expect(lab.logged.filter(text => text.includes('gone, with'))).toEqual([])
  })

  it('takes its share again when it comes back, piece by piece', () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    lab.settle()
    lab.start(1)
    const owned = () => KEYS.filter(key => lab.masterOf(key) === 1).length
    expect(owned()).toBe(0)
    const generation = Number(lab.info(0, 'partition-generation'))
    lab.scheduler.turn()
    const afterOneTurn = owned()
    expect(afterOneTurn).toBeGreaterThan(0)
    lab.scheduler.drain()
    expect(owned()).toBeGreaterThan(afterOneTurn)
    expect(Number(lab.info(0, 'partition-generation'))).toBeGreaterThan(generation)
    for (const position of [0, 1, 2]) expect(wrongAt(lab, position)).toEqual([])
    expect([0, 1, 2].reduce((sum, position) => sum + lab.namespace(position).objects, 0)).toBe(600)
  })

  it('gets writes and deletions that happen while its share is on its way', () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    lab.settle()
    lab.start(1)
    let changed = 0
    for (const [value, key] of KEYS.entries()) {
      // Between the slices: before, while and after the partition of the key is copied.
      if (value % 20 === 0) lab.scheduler.turn()
      if (value % 2 === 0) {
        lab.send(0, { info2: INFO2.WRITE | INFO2.DELETE, fields: keyFields(key) })
        changed++
      } else lab.put(0, key, -value)
    }
    lab.scheduler.drain()
    lab.cluster.lost(0)
    lab.settle()
    for (const [value, key] of KEYS.entries()) {
      const reply = lab.get(1, key) ?? never()
      if (value % 2 === 0) expect(reply.resultCode).toBe(NOT_FOUND)
      else expect(bins(reply)).toEqual({ a: -value })
    }
    expect(changed).toBe(150)
  })

  it('gets what changes in a partition that is half copied', () => {
    const lab = new ClusterLab(3)
    const digests = Array.from({ length: 3_000 }, (_, number) => {
      const digest = Buffer.alloc(20)
      digest.writeUInt32BE(number, 16)
      return digest
    })
    const send = (digest: Buffer, message: MessageInit) => {
      const [namespace, set] = keyFields('k')
      const fields = [namespace, set, { type: FIELD_TYPES.DIGEST, data: digest }].filter(
        field => field !== undefined,
      )
      return lab.send(0, { ...message, fields })
    }
    const [first, second, ...others] = digests
    if (first === undefined || second === undefined) throw new Error('thousands of digests')
    for (const digest of digests) send(digest, putMessage('', 1))
    const victim = lab.cluster.map.master(0) ?? -1
    lab.cluster.lost(victim)
    lab.settle()
    lab.start(victim)
    lab.scheduler.turn()
    const copied = lab.namespace(victim)
    expect(copied.objects).toBeGreaterThan(100)
    expect(copied.objects).toBeLessThan(3_000)
    expect([copied.find(first), copied.find(second)]).not.toContain(undefined)
    send(first, putMessage('', 2))
    send(second, { info2: INFO2.WRITE | INFO2.DELETE })
    lab.scheduler.drain()
    expect(lab.cluster.map.master(0)).toBe(victim)
    expect(copied.find(first)?.generation).toBe(2)
    expect(copied.find(second)).toBeUndefined()
    expect(copied.objects).toBe(1 + others.length)
  })

  it('is not taken for a source while nobody noticed', () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    lab.settle()
    lab.start(1)
    lab.cluster.lost(0)
    lab.scheduler.drain()
    lab.settle()
    for (const position of [1, 2]) expect(wrongAt(lab, position)).toEqual([])
  })

  it('that comes back before anybody noticed has lost its records all the same', () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    lab.start(1)
    lab.settle()
    for (const position of [0, 1, 2]) expect(wrongAt(lab, position)).toEqual([])
    expect(statistic(lab, 0, 'statistics', 'cluster_size')).toBe('3')
  })

  it('together with the only other owner takes what they had with it, and the rest is served', () => {
    const lab = filledLab()
    const onlyThere = KEYS.filter(key => lab.outsiderOf(key) === 0)
    lab.cluster.lost(1)
    lab.cluster.lost(2)
    lab.settle()
    expect(wrongAt(lab, 0)).toEqual(onlyThere)
    expect(lab.get(0, onlyThere[0] ?? '')?.resultCode).toBe(NOT_FOUND)
    expect(lab.put(0, onlyThere[0] ?? '', 1)).toBe(OK)
    expect(lab.logged.join()).toMatch(/the only copies of \d+ partitions are gone/)
  })

  it('is noticed by a node that comes back, if nobody was there before', async () => {
    const lab = new ClusterLab(3)
    for (const position of [0, 1, 2]) lab.cluster.lost(position)
    lab.settle()
    lab.start(1)
    lab.settle()
    expect(lab.put(1, 'k', 1)).toBe(OK)
    expect(lab.info(1, 'peers-clear-std')).toMatch(/^\d+,3000,\[\]$/)
    await lab.cluster.settled()
  })
})

describe('a frozen node', () => {
  it('that goes on before it was noticed is what it was', () => {
    const lab = filledLab()
    lab.cluster.freeze(1)
    expect(lab.put(0, KEYS.find(key => lab.masterOf(key) === 1) ?? '', 1)).toBeUndefined()
    expect(lab.cluster.thaw(1)).toBe(true)
    expect(wrongAt(lab, 1)).toEqual([])
    lab.settle()
    expect(statistic(lab, 1, 'statistics', 'cluster_size')).toBe('3')
  })

  it('that goes on in time still gets its share', async () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    lab.settle()
    lab.start(1)
    lab.cluster.freeze(1)
    lab.scheduler.drain()
    expect(lab.namespace(1).objects).toBe(0)
    lab.cluster.thaw(1)
    lab.scheduler.drain()
    await lab.cluster.settled()
    expect(lab.namespace(1).objects).toBeGreaterThan(100)
  })

  it('that was expelled does not belong any more, and runs nothing by itself', () => {
    const lab = filledLab()
    const key = KEYS.find(candidate => lab.masterOf(candidate) === 1) ?? ''
    lab.cluster.freeze(1)
    lab.settle()
    expect(lab.put(0, key, -1)).toBe(OK)
    expect(lab.cluster.thaw(1)).toBe(false)
    // Not even before it joins: with what it still has.
    expect(bins(lab.get(1, key) ?? never())).toEqual({ a: -1 })
    lab.start(1)
    expect(bins(lab.get(1, key) ?? never())).toEqual({ a: -1 })
    lab.settle()
    expect(lab.masterOf(key)).toBe(1)
    expect(bins(lab.get(1, key) ?? never())).toEqual({ a: -1 })
  })

  it('that is alone is never expelled', () => {
    const lab = new ClusterLab(1)
    lab.put(0, 'k', 1)
    lab.cluster.freeze(0)
    lab.settle()
    expect(lab.cluster.thaw(0)).toBe(true)
    expect(bins(lab.get(0, 'k') ?? never())).toEqual({ a: 1 })
  })
})

describe('a batch for partitions that nobody runs', () => {
  it('waits as long as its client, and not so long for each row', () => {
    const lab = new ClusterLab(3)
    const lost = lab.masterOf('k')
    lab.cluster.lost(lost)
    const [namespace, set, digest] = keyFields('k')
    if (namespace === undefined || set === undefined || digest === undefined) throw new Error('three fields')
    const row = { digest: digest.data, info2: INFO2.WRITE, fields: [namespace, set] }
    const data = encodeBatch([row, row, row], BATCH_FLAGS.RESPOND_ALL_KEYS)
    const reply = lab.reply((lost + 1) % 3, {
      info1: INFO1.BATCH,
      transactionTtl: 5,
      fields: [{ type: FIELD_TYPES.BATCH, data }],
    })
    expect(reply.next().value).toBeInstanceOf(Promise)
    const startMs = performance.now()
    while (performance.now() < startMs + 6) {}
    const frame = reply.next().value
    if (!Buffer.isBuffer(frame)) throw new Error('it waits once more')
    expect(decodedFrame(frame).map(({ resultCode }) => resultCode)).toEqual([TIMEOUT, TIMEOUT, TIMEOUT])
  })
})

describe('a cluster that is closed', () => {
  it('releases who waits, and begins nothing any more', async () => {
    const lab = filledLab()
    lab.cluster.lost(1)
    const settled = lab.cluster.settled()
    const changed = lab.cluster.changed(1_000)
    lab.cluster.close()
    await Promise.all([settled, changed])
    lab.cluster.lost(2)
    lab.cluster.leave(0)
    void lab.cluster.changed(1_000)
    lab.scheduler.drain()
    expect(lab.scheduler.timers).toBe(0)
    expect(lab.logged).toEqual([])
  })
})

describe('a node that stops', () => {
  it('goes when the others have everything', async () => {
    const lab = filledLab()
    let isReady = false
    const handedOver = lab.cluster.handOver(1).then(() => {
      isReady = true
    })
    await Promise.resolve()
    expect(isReady).toBe(false)
    expect(wrongAt(lab, 1)).toEqual([])
    lab.scheduler.drain()
    await handedOver
    lab.cluster.leave(1)
    // At once: nothing has to be noticed or copied.
    for (const position of [0, 2]) expect(wrongAt(lab, position)).toEqual([])
    expect([0, 2].map(position => lab.namespace(position).objects)).toEqual([300, 300])
  })

  it('does not wait when there is nobody to take over', async () => {
    const lab = new ClusterLab(2)
    lab.cluster.lost(0)
    lab.settle()
    await lab.cluster.handOver(1)
    lab.cluster.leave(1)
    expect(lab.put(1, 'k', 1)).toBeUndefined()
  })

  it('is let go when it is killed meanwhile', async () => {
    const lab = filledLab()
    const handedOver = lab.cluster.handOver(1)
    lab.cluster.lost(1)
    await handedOver
    lab.settle()
    expect(wrongAt(lab, 0)).toEqual([])
  })
})
