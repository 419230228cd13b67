import { describe, expect, it } from '@jest/globals'
import type { Fault } from '../../../lib/embedded/faults/fault-rule.ts'
import { RESULT_CODES } from '../../../lib/protocol/index.ts'
import { batch, FaultLab, get, info, messages, put, rows } from './fault-lab.ts'

const { OK, TIMEOUT, DEVICE_OVERLOAD } = RESULT_CODES
const BATCH_KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

/** What an unharmed node answers to the same. */
async function unharmed(): Promise<Buffer> {
  const { frames } = await new FaultLab().send(put('k', 1))
  return Buffer.concat(frames)
}

describe('a fault before the execution', () => {
  it.each<[Fault, Partial<{ sent: number; atMs: number; ending: string; stored: number }>]>([
    [
      { when: 'before', kind: 'delay', ms: 30 },
      { sent: 1, atMs: 30, ending: 'open', stored: 1 },
    ],
    [
      { when: 'before', kind: 'drop' },
      { sent: 0, atMs: 0, ending: 'open', stored: 0 },
    ],
    [
      { when: 'before', kind: 'reset' },
      { sent: 0, atMs: 0, ending: 'reset', stored: 0 },
    ],
    [
      { when: 'before', kind: 'refuse', resultCode: DEVICE_OVERLOAD },
      { sent: 1, atMs: 0, stored: 0 },
    ],
  ])('%j', async (fault, { sent, atMs, ending = 'open', stored }) => {
    const lab = new FaultLab()
    lab.add({ fault })
    const outcome = await lab.send(put('k', 1))
    expect([outcome.frames.length, outcome.atMs, outcome.ending]).toEqual([sent, atMs, ending])
    expect(lab.test.namespace.objects).toBe(stored)
    if (fault.kind === 'refuse') expect(messages(outcome)[0]?.resultCode).toBe(DEVICE_OVERLOAD)
  })

  it('refuses rows of a batch and runs the others', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'refuse', resultCode: DEVICE_OVERLOAD, rows: { every: 3 } } })
    expect(rows(await lab.send(batch(BATCH_KEYS)))).toEqual([
      '0:0',
      '1:0',
      '2:18',
      '3:0',
      '4:0',
      '5:18',
      'last:0',
    ])
    expect(BATCH_KEYS.filter(key => lab.test.get(key).resultCode === OK)).toEqual(['a', 'b', 'd', 'e'])
  })

  it('refuses a whole batch with the message that ends it', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'refuse', resultCode: 152 } })
    expect(rows(await lab.send(batch(BATCH_KEYS)))).toEqual(['last:152'])
    expect(lab.test.namespace.objects).toBe(0)
  })

  it('chooses rows by what they do', async () => {
    const lab = new FaultLab()
    lab.test.put('b', { a: 7 })
    lab.add({ fault: { when: 'before', kind: 'refuse', resultCode: 9, rows: { commands: ['read'] } } })
    expect(rows(await lab.send(batch(['a', 'b', 'c'], ['b'])))).toEqual(['0:0', '1:9', '2:0', 'last:0'])
  })
})

describe('a fault after the execution', () => {
  it.each<[Fault, { bytes?: 'all' | 'twice' | number; atMs?: number; ending?: string }]>([
    [
      { when: 'after', kind: 'delay', ms: 30 },
      { bytes: 'all', atMs: 30 },
    ],
    [{ when: 'after', kind: 'drop' }, { bytes: 0 }],
    [
      { when: 'after', kind: 'reset' },
      { bytes: 0, ending: 'reset' },
    ],
    [
      { when: 'after', kind: 'truncate', bytes: 11 },
      { bytes: 11, ending: 'closed' },
    ],
    [{ when: 'after', kind: 'duplicate' }, { bytes: 'twice' }],
  ])('%j', async (fault, { bytes, atMs = 0, ending = 'open' }) => {
    const lab = new FaultLab()
    lab.add({ fault })
    const outcome = await lab.send(put('k', 1))
    const whole = await unharmed()
    const expected =
      bytes === 'all' ? whole : bytes === 'twice' ? Buffer.concat([whole, whole]) : whole.subarray(0, bytes)
    expect(Buffer.concat(outcome.frames)).toEqual(expected)
    expect([outcome.atMs, outcome.ending]).toEqual([atMs, ending])
    expect(lab.test.get('k').resultCode).toBe(OK)
  })

  it('changes so many bytes, not before where it was told', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'after', kind: 'corrupt', bytes: 1, from: 8 } })
    const whole = await unharmed()
    for (let sent = 0; sent < 20; sent++) {
      const reply = Buffer.concat((await lab.send(put(`k${sent}`, 1))).frames)
      const changed = [...reply.keys()].filter(at => reply[at] !== whole[at])
      expect([reply.length, changed.length]).toEqual([whole.length, 1])
      expect(changed[0]).toBeGreaterThanOrEqual(8)
    }
  })

  it.each<[Fault, string[]]>([
    [{ when: 'after', kind: 'dropRows', rows: { only: [1, 4] } }, ['0:0', '2:0', '3:0', '5:0', 'last:0']],
    [
      { when: 'after', kind: 'duplicateRows', rows: { only: [5] } },
      ['0:0', '1:0', '2:0', '3:0', '4:0', '5:0', '5:0', 'last:0'],
    ],
    [
      { when: 'after', kind: 'recodeRows', rows: { only: [0], every: 1 }, resultCode: 9 },
      ['0:9', '1:0', '2:0', '3:0', '4:0', '5:0', 'last:0'],
    ],
  ])('%j', async (fault, expected) => {
    const lab = new FaultLab()
    lab.add({ fault })
    expect(rows(await lab.send(batch(BATCH_KEYS)))).toEqual(expected)
    expect(lab.test.namespace.objects).toBe(6)
  })

  it('a row with another code has no bins', async () => {
    const lab = new FaultLab()
    lab.test.put('a', { a: 1 })
    lab.add({ fault: { when: 'after', kind: 'recodeRows', rows: { every: 1 }, resultCode: 9 } })
    const [row, last] = messages(await lab.send(batch(['a'], ['a'])))
    expect([row?.resultCode, row?.operations, last?.resultCode]).toEqual([9, [], 0])
  })

  it('brings rows in another order, each once, the end last', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'after', kind: 'reorderRows' } })
    const seen = rows(await lab.send(batch(BATCH_KEYS)))
    expect(seen.at(-1)).toBe('last:0')
    expect(seen).not.toEqual(seen.toSorted())
    expect(seen.slice(0, -1).toSorted()).toEqual(['0:0', '1:0', '2:0', '3:0', '4:0', '5:0'])
  })
})

describe('which requests a rule hits', () => {
  const refuse: Fault = { when: 'before', kind: 'refuse', resultCode: DEVICE_OVERLOAD }
  const isHit = async (lab: FaultLab, ...sent: Parameters<FaultLab['send']>) => {
    const [reply] = messages(await lab.send(...sent))
    return reply?.resultCode === DEVICE_OVERLOAD
  }

  it('leaves info alone unless it is named', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'drop' } })
    expect((await lab.send(info('status'))).frames).toHaveLength(1)
    lab.add({ match: { kinds: ['info'] }, fault: { when: 'before', kind: 'drop' } })
    expect((await lab.send(info('status'))).frames).toHaveLength(0)
  })

  it('by kind, by what they do, by node and by connection', async () => {
    const lab = new FaultLab()
    lab.add({ nodes: [1], match: { commands: ['write'], connections: { only: [2, 3] } }, fault: refuse })
    expect(await isHit(lab, put('k', 1), { node: 1, connection: 3 })).toBe(true)
    expect(await isHit(lab, put('k', 1), { node: 0, connection: 3 })).toBe(false)
    expect(await isHit(lab, put('k', 1), { node: 1, connection: 1 })).toBe(false)
    expect(await isHit(lab, get('k'), { node: 1, connection: 3 })).toBe(false)
    lab.injector.clear()
    lab.add({ match: { kinds: ['batch'] }, fault: refuse })
    expect(await isHit(lab, put('k', 1))).toBe(false)
    expect(await isHit(lab, batch(['a']))).toBe(true)
  })

  it('every third, the first two of them', async () => {
    const lab = new FaultLab()
    const id = lab.add({ match: { requests: { every: 3 } }, fault: refuse, times: 2 })
    const hits: number[] = []
    for (let number = 0; number < 12; number++) if (await isHit(lab, put('k', 1))) hits.push(number)
    expect(hits).toEqual([2, 5])
    expect(lab.injector.hits(id)).toBe(2)
  })

  it('by chance: the same ones for the same seed, others for another, about as many as asked for', async () => {
    const hits = async (seed: number, wasDisturbed = false) => {
      const lab = new FaultLab(seed)
      if (wasDisturbed)
        lab.add({ match: { requests: { probability: 0.5 } }, fault: { when: 'after', kind: 'duplicate' } })
      else lab.add({ match: { kinds: ['query'] }, fault: { when: 'after', kind: 'duplicate' } })
      lab.add({ match: { requests: { probability: 0.25 } }, fault: refuse })
      const found: number[] = []
      for (let number = 0; number < 400; number++) if (await isHit(lab, put('k', 1))) found.push(number)
      return found
    }
    const first = await hits(7)
    expect(await hits(7)).toEqual(first)
    // What other rules decide by chance is no matter.
    expect(await hits(7, true)).toEqual(first)
    expect(await hits(8)).not.toEqual(first)
    expect(first.length).toBeGreaterThan(60)
    expect(first.length).toBeLessThan(140)
  })

  it('none any longer once it is removed', async () => {
    const lab = new FaultLab()
    const id = lab.add({ fault: refuse })
    const other = lab.add({ match: { kinds: ['query'] }, fault: refuse })
    await lab.send(put('k', 1))
    lab.injector.remove(id)
    expect(await isHit(lab, put('k', 1))).toBe(false)
    lab.injector.remove(other)
    expect(lab.injector.hits(id)).toBe(1)
  })

  it('several rules in their order', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'delay', ms: 10 } })
    lab.add({ fault: { when: 'after', kind: 'delay', ms: 5 } })
    lab.add({ fault: { when: 'after', kind: 'duplicate' } })
    lab.add({ fault: { when: 'after', kind: 'truncate', bytes: 31 } })
    const { frames, atMs } = await lab.send(put('k', 1))
    expect([frames[0]?.length, atMs]).toEqual([31, 15])
  })
})

describe('a node of limited capacity', () => {
  it('serves so many at a time, and the others later', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'capacity', concurrency: 2, serviceMs: 10 } })
    const requests = ['a', 'b', 'c', 'd', 'e'].map(key => lab.begin(put(key, 1)))
    const times: number[] = []
    for (const finish of requests) times.push((await finish()).atMs)
    expect(times).toEqual([10, 10, 20, 20, 30])
    lab.scheduler.advanceMs(100)
    expect((await lab.send(put('f', 1))).atMs).toBe(140)
  })

  it('takes longer for more rows, and each node has its own places', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'capacity', concurrency: 1, serviceMs: 2, serviceMsPerRow: 3 } })
    const first = lab.begin(batch(BATCH_KEYS), { node: 0 })
    const second = lab.begin(put('k', 1), { node: 1 })
    expect([(await second()).atMs, (await first()).atMs]).toEqual([2, 20])
  })

  it('does not run what waited longer than its client', async () => {
    const lab = new FaultLab()
    lab.add({ fault: { when: 'before', kind: 'capacity', concurrency: 1, serviceMs: 30 } })
    const requests = ['a', 'b', 'c', 'd'].map(key => lab.begin(put(key, 1, { transactionTtl: 50 })))
    const codes: unknown[] = []
    for (const finish of requests) codes.push(messages(await finish())[0]?.resultCode)
    expect(codes).toEqual([OK, OK, TIMEOUT, TIMEOUT])
    expect(lab.test.namespace.objects).toBe(2)
    // They took no place, either.
    expect(lab.scheduler.nowMs()).toBe(60)
  })
})
