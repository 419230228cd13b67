import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  encodeFeedMessage,
  type FeedEntry,
  type FeedReading,
  type FeedVersion,
  readFeedMessage,
} from '../../../lib/tx-meta/feed/message.ts'

const txid = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes))
const entry: fc.Arbitrary<FeedEntry> = fc.oneof(
  fc.record({
    action: fc.constant('add' as const),
    txid,
    content: fc.uint8Array({ maxLength: 50 }).map(bytes => Buffer.from(bytes)),
  }),
  fc.record({ action: fc.constant('delete' as const), txid }),
)

function read(bytes: Uint8Array): FeedReading & { list: FeedEntry[] } {
  const list: FeedEntry[] = []
  const reading = readFeedMessage(bytes, {
    add: (id, content) => list.push({ action: 'add', txid: Buffer.from(id), content: Buffer.from(content) }),
    delete: id => list.push({ action: 'delete', txid: Buffer.from(id) }),
  })
  return { ...reading, list }
}

const SOME: FeedEntry[] = [
  { action: 'add', txid: Buffer.alloc(32, 1), content: Buffer.from('abc') },
  { action: 'delete', txid: Buffer.alloc(32, 2) },
  { action: 'add', txid: Buffer.alloc(32, 3), content: Buffer.alloc(0) },
]

describe('feed messages', () => {
  it('are laid out as the reference reads them', () => {
    expect(Buffer.from(encodeFeedMessage(SOME.slice(0, 2))).toString('hex')).toBe(
      `02000000${'01'.repeat(32)}0003000000616263${'02'.repeat(32)}0100000000`,
    )
  })

  it('of version 2 have a hash before each entry', () => {
    const abc = Buffer.from('abcdefghijklmnopqrstuvwxyz012345')
    const entries: FeedEntry[] = [
      { action: 'add', txid: abc, content: Buffer.from('abc') },
      { action: 'delete', txid: Buffer.alloc(32, 0xff) },
    ]
    expect(Buffer.from(encodeFeedMessage(entries, 2)).toString('hex')).toBe(
      `ff02000002000000803b14b439d62cbf${abc.toString('hex')}0003000000616263` +
        `8787c016362210ff${'ff'.repeat(32)}0100000000`,
    )
  })

  it.each<FeedVersion>([1, 2])('of version %i come back as they were', version => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), entries => {
        expect(read(encodeFeedMessage(entries, version))).toEqual({
          version,
          entries: entries.length,
          defect: undefined,
          list: entries,
        })
      }),
    )
  })

  it.each([255, 511, 767])('of version 1 with %i entries are not taken for version 2', count => {
    const entries: FeedEntry[] = Array.from({ length: count }, () => ({
      action: 'delete',
      // Whatever stands where version 2 has its count.
      txid: Buffer.alloc(32, 0xff),
    }))
    const { version, defect, list } = read(encodeFeedMessage(entries))
    expect({ version, defect, entries: list.length }).toEqual({
      version: 1,
      defect: undefined,
      entries: count,
    })
  })

  it('give what stands before a defect, wherever they are cut', () => {
    for (const whole of [Buffer.from(encodeFeedMessage(SOME)), Buffer.from(encodeFeedMessage(SOME, 2))]) {
      for (let length = 0; length < whole.length; length++) {
        const { defect, list, entries } = read(whole.subarray(0, length))
        expect(defect).toEqual(expect.any(String))
        expect(list).toEqual(SOME.slice(0, list.length))
        expect(entries).toBe(list.length)
        expect(list.length).toBeLessThan(SOME.length)
      }
    }
  })

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /too few/],
    ['an absurd count', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), /4294967295 entries/],
    [
      'an absurd length',
      Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(33), Buffer.from([0xff, 0xff, 0xff, 0xff])]),
      /4294967295 bytes/,
    ],
    [
      'an unknown action',
      Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(32), Buffer.from([2, 0, 0, 0, 0])]),
      /action 2/,
    ],
    [
      'a removal with content',
      Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(32), Buffer.from([1, 1, 0, 0, 0, 9])]),
      /action 1 with 1/,
    ],
    [
      'bytes behind its end',
      Buffer.concat([encodeFeedMessage(SOME), Buffer.alloc(2)]),
      /2 bytes are left over/,
    ],
  ])('that are %s have a defect', (_name, bytes, defect) => {
    expect(read(bytes).defect).toMatch(defect)
  })

  it('never throw, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => void read(bytes)),
      { numRuns: 2_000 },
    )
  })

  it('are not made of a txid of another length', () => {
    expect(() => encodeFeedMessage([{ action: 'delete', txid: new Uint8Array(31) }])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
