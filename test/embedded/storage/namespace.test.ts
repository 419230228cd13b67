import { describe, expect, it } from '@jest/globals'
import { BinList } from '../../../lib/embedded/storage/bin-list.ts'
import { ExpirySweep } from '../../../lib/embedded/storage/expiry-sweep.ts'
import { Namespace } from '../../../lib/embedded/storage/namespace.ts'
import { nextGeneration } from '../../../lib/embedded/storage/stored-record.ts'
import { RESULT_CODES, recordDigest, userKey } from '../../../lib/protocol/index.ts'
import { ManualClock } from '../support/manual-clock.ts'

function setup() {
  const clock = new ManualClock()
  const namespace = new Namespace('test', clock)
  const digest = (key: string) => recordDigest('', userKey(key))
  const create = (key: string, setName = 'a', ttlSeconds = 0, bytes = 10) => {
    const bins = BinList.empty()
    bins.set('b', 4, Buffer.alloc(bytes))
    return namespace.write({
      digest: digest(key),
      existing: namespace.find(digest(key)),
      setName,
      bins,
      voidTimeSeconds: ttlSeconds === 0 ? 0 : namespace.nowSeconds + ttlSeconds,
      userKey: undefined,
    })
  }
  const objects = (setName: string) => namespace.findSet(setName)?.objects
  return { clock, namespace, digest, create, objects }
}

describe('Namespace', () => {
  it('counts records and bytes through creates, updates and removals', () => {
    const { namespace, digest, create, objects } = setup()
    create('x')
    create('y', 'b')
    const before = namespace.dataUsedBytes
    create('x', 'a', 0, 1_000)
    expect(namespace.dataUsedBytes - before).toBeGreaterThan(900)
    expect([namespace.objects, objects('a'), objects('b')]).toEqual([2, 1, 1])
    namespace.remove(digest('x'))
    namespace.remove(digest('y'))
    namespace.remove(digest('never'))
    expect([namespace.objects, objects('a'), objects('b'), namespace.dataUsedBytes]).toEqual([0, 0, 0, 0])
  })

  it('hides an expired record at once and replaces it by a fresh one', () => {
    const { clock, namespace, digest, create } = setup()
    create('x', 'a', 5)
    create('x', 'a', 5)
    clock.advanceSeconds(6)
    expect(namespace.find(digest('x'))).toBeUndefined()
    expect(namespace.findExpiredToo(digest('x'))?.generation).toBe(2)
    expect(create('x').generation).toBe(1)
    expect(namespace.objects).toBe(1)
  })

  it('removes what has expired and nothing else, sweep after sweep', () => {
    const { clock, namespace, digest, create } = setup()
    create('forever')
    for (let at = 0; at < 50; at++) create(`short${at}`, 'a', 5)
    for (let at = 0; at < 50; at++) create(`long${at}`, 'a', 20)
    clock.advanceSeconds(6)
    expect(namespace.removeExpired()).toBe(50)
    clock.advanceSeconds(15)
    expect(namespace.removeExpired()).toBe(50)
    expect([namespace.removeExpired(), namespace.objects]).toEqual([0, 1])
    expect(namespace.find(digest('forever'))).toBeDefined()
  })

  it('notices an expiry that a later write brought forward', () => {
    const { clock, namespace, create } = setup()
    create('x', 'a', 100)
    create('x', 'a', 5)
    clock.advanceSeconds(6)
    expect(namespace.removeExpired()).toBe(1)
  })

  it('truncates a set, but not what was written since, nor other sets', () => {
    const { clock, namespace, digest, create, objects } = setup()
    create('old')
    create('other', 'b')
    clock.advanceSeconds(1)
    create('same')
    namespace.truncate('a', namespace.nowMs)
    expect([objects('a'), objects('b')]).toEqual([1, 1])
    expect(namespace.find(digest('same'))).toBeDefined()
    clock.advanceSeconds(1)
    namespace.truncate(undefined, namespace.nowMs)
    expect(namespace.objects).toBe(0)
  })

  it('changes nothing when a record gets too big', () => {
    const { namespace, digest, create } = setup()
    create('x')
    const bytes = namespace.dataUsedBytes
    const tooBig = expect.objectContaining({ resultCode: RESULT_CODES.RECORD_TOO_BIG })
    expect(() => create('x', 'a', 0, 1024 * 1024)).toThrow(tooBig)
    expect(() => create('y', 'c', 0, 1024 * 1024)).toThrow(tooBig)
    expect([namespace.objects, namespace.dataUsedBytes]).toEqual([1, bytes])
    expect([namespace.find(digest('x'))?.generation, namespace.findSet('c')]).toEqual([1, undefined])
  })

  it('counts generations from 1 to 65535 and round again', () => {
    expect([1, 65_534, 65_535].map(nextGeneration)).toEqual([2, 65_535, 1])
  })

  it('has at most 4,095 sets, with names of at most 63 bytes', () => {
    const { create } = setup()
    const refused = expect.objectContaining({ resultCode: RESULT_CODES.PARAMETER })
    expect(() => create('x', 'n'.repeat(64))).toThrow(refused)
    create('x', 'n'.repeat(63))
    for (let at = 0; at < 4_094; at++) create(`k${at}`, `set${at}`)
    expect(() => create('y', 'one-too-many')).toThrow(refused)
    expect(create('y', 'set7').set?.objects).toBe(2)
  })
})

describe('ExpirySweep', () => {
  it('sweeps every nsup-period seconds, and not at all with 0', () => {
    const { clock, namespace, create } = setup()
    const sweep = new ExpirySweep([namespace])
    namespace.config.nsupPeriodSeconds = 3
    create('x', 'a', 1)
    clock.advanceSeconds(60)
    sweep.tick()
    sweep.tick()
    expect(namespace.objects).toBe(1)
    sweep.tick()
    expect(namespace.objects).toBe(0)
    namespace.config.nsupPeriodSeconds = 0
    create('x', 'a', 1)
    clock.advanceSeconds(60)
    for (let tick = 0; tick < 20; tick++) sweep.tick()
    expect(namespace.objects).toBe(1)
  })
})
