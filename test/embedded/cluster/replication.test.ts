import { describe, expect, it } from '@jest/globals'
import { INFO2 } from '../../../lib/protocol/index.ts'
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
import { bins, keyFields } from '../support/test-node.ts'

describe('replication', () => {
  it('keeps each record at its master and one replica, and nowhere else', () => {
    const lab = filledLab()
    for (const key of KEYS.slice(0, 50)) {
      const digest = Buffer.from(keyFields(key)[2]?.data ?? [])
      const held = [0, 1, 2].filter(position => lab.namespace(position).find(digest) !== undefined)
      expect(held).toEqual([lab.masterOf(key), lab.replicaOf(key)].toSorted())
    }
  })

  it('keeps the copy as it is: generation, update time, expiry, set and key', () => {
    const lab = new ClusterLab(3)
    lab.put(0, 'k', 1)
    lab.clock.advanceSeconds(5)
    lab.send(0, { ...putMessage('k', 2), recordTtl: 100 })
    const digest = Buffer.from(keyFields('k')[2]?.data ?? [])
    const [master, replica] = [lab.masterOf('k'), lab.replicaOf('k')].map(position =>
      lab.namespace(position).find(digest),
    )
    const copied = [master, replica].map(record => {
      const { id, bins, binCount, generation, voidTimeSeconds, lastUpdateMs, userKey } = record ?? never()
      return { id, bins: bins.toString('hex'), binCount, generation, voidTimeSeconds, lastUpdateMs, userKey }
    })
    expect(copied[0]).toMatchObject({ generation: 2, binCount: 1 })
    expect(copied[1]).toEqual(copied[0])
    const [set, replicaSet] = [master?.set, replica?.set]
    expect([set?.name, set?.objects, replicaSet?.name, replicaSet?.objects]).toEqual(['demo', 1, 'demo', 1])
    expect(replicaSet).not.toBe(set)
  })

  it('deletes, expires and truncates the copy, too', () => {
    const lab = filledLab()
    const objects = () => [0, 1, 2].reduce((sum, position) => sum + lab.namespace(position).objects, 0)
    expect(objects()).toBe(600)
    lab.send(lab.outsiderOf('k0'), { info2: INFO2.WRITE | INFO2.DELETE, fields: keyFields('k0') })
    expect(objects()).toBe(598)
    lab.send(0, { ...putMessage('k1', 1), recordTtl: 10 })
    lab.clock.advanceSeconds(20)
    lab.namespace(lab.masterOf('k1')).removeExpired()
    expect(objects()).toBe(596)
    lab.info(lab.outsiderOf('k2'), 'truncate:namespace=test;set=demo')
    expect(objects()).toBe(0)
  })
})

describe('where commands run', () => {
  it('any node answers, whoever owns the record', () => {
    const lab = filledLab()
    for (const position of [0, 1, 2]) expect(wrongAt(lab, position)).toEqual([])
  })

  it('a replica answers reads itself, and leaves writes to the master', () => {
    const lab = filledLab()
    const replica = lab.replicaOf('k7')
    const reads = () => statistic(lab, replica, 'namespace/test', 'client_read_success')
    const writes = (position: number) =>
      Number(statistic(lab, position, 'namespace/test', 'client_write_success'))
    const readsBefore = Number(reads())
    lab.get(replica, 'k7')
    expect(Number(reads())).toBe(readsBefore + 1)
    const before = [writes(replica), writes(lab.masterOf('k7'))]
    lab.put(replica, 'k7', 8)
    expect([writes(replica), writes(lab.masterOf('k7'))]).toEqual([before[0], (before[1] ?? 0) + 1])
  })

  it('a read that extends the life of its record runs at the master', () => {
    const lab = new ClusterLab(3)
    lab.send(0, { ...putMessage('k', 1), recordTtl: 100 })
    lab.clock.advanceSeconds(90)
    lab.get(lab.replicaOf('k'), 'k', { recordTtl: 50 })
    const voidTimes = [0, 1, 2].map(position => lab.get(position, 'k')?.recordTtl)
    const extended = lab.node(lab.masterOf('k')).namespaces.get('test')?.nowSeconds ?? 0
    expect(voidTimes).toEqual(voidTimes.map(() => extended + 100))
  })

  it('waits for a master that cannot be reached, and goes on with the one that takes over', async () => {
    const lab = filledLab()
    const victim = lab.masterOf('k3')
    lab.cluster.lost(victim)
    const reply = lab.reply(lab.outsiderOf('k3'), putMessage('k3', 4))
    const waiting = reply.next().value
    expect(waiting).toBeInstanceOf(Promise)
    expect(lab.get(lab.replicaOf('k3'), 'k3')).toBeDefined()
    lab.scheduler.advanceMs(DETECTION_MS)
    await waiting
    expect(Buffer.isBuffer(reply.next().value)).toBe(true)
    expect(bins(lab.get(lab.outsiderOf('k3') === victim ? 0 : lab.masterOf('k3'), 'k3') ?? never())).toEqual({
      a: 4,
    })
  })
})
