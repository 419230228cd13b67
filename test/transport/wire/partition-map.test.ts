import { describe, expect, it } from '@jest/globals'
import {
  type OwnedPartitions,
  PartitionMap,
  parseReplicas,
} from '../../../lib/transport/wire/partition-map.ts'
import { parsePeers } from '../../../lib/transport/wire/peers.ts'

/** A bitmap with the partitions from `from` up to, not including, `to`. */
function bitmap(from: number, to: number): Buffer {
  const bytes = Buffer.alloc(512)
  for (let partition = from; partition < to; partition++)
    bytes[partition >> 3] = (bytes[partition >> 3] ?? 0) | (0x80 >> (partition & 7))
  return bytes
}

const owned = (...bitmaps: Buffer[]): OwnedPartitions => ({ regime: 0, bitmaps })
const ALL = bitmap(0, 4_096)
const NONE = bitmap(0, 0)

describe('a partition map', () => {
  it('asks the master first, the other copies in turn after it, and begins again', () => {
    const map = new PartitionMap<string>()
    map.update('a', owned(bitmap(0, 2_048), bitmap(2_048, 4_096)))
    map.update('b', owned(bitmap(2_048, 4_096), bitmap(0, 2_048)))
    expect([0, 1, 2].map(attempt => map.owner(2_047, attempt))).toEqual(['a', 'b', 'a'])
    expect([0, 1, 2].map(attempt => map.owner(2_048, attempt))).toEqual(['b', 'a', 'b'])
  })

  it('follows a claim, and keeps an owner that no longer claims until another one does', () => {
    const map = new PartitionMap<string>()
    map.update('a', owned(ALL))
    map.update('a', owned(NONE))
    expect(map.owner(7, 0)).toBe('a')
    map.update('b', owned(bitmap(7, 8)))
    expect([map.owner(7, 0), map.owner(8, 0)]).toEqual(['b', 'a'])
  })

  it('forgets a node that is gone, and then takes a copy that is left', () => {
    const map = new PartitionMap<string>()
    map.update('a', owned(ALL, NONE))
    map.update('b', owned(NONE, ALL))
    map.remove('a')
    expect(map.owner(0, 0)).toBe('b')
    map.remove('b')
    expect(map.owner(0, 0)).toBeUndefined()
  })

  it('does not believe a claim that is older than what is known', () => {
    const map = new PartitionMap<string>()
    map.update('a', { regime: 5, bitmaps: [ALL] })
    map.update('b', { regime: 4, bitmaps: [ALL] })
    expect(map.owner(0, 0)).toBe('a')
    map.update('b', { regime: 6, bitmaps: [ALL] })
    expect(map.owner(0, 0)).toBe('b')
  })
})

describe('replicas', () => {
  const text = ALL.toString('base64')

  it('are those of the namespace', () => {
    const answer = `other:0,1,${NONE.toString('base64')};ns:0,2,${text},${NONE.toString('base64')}`
    expect(parseReplicas(answer, 'ns')).toEqual(owned(ALL, NONE))
    expect(parseReplicas(answer, 'n')).toBeUndefined()
    expect(parseReplicas('', 'ns')).toBeUndefined()
  })

  it.each([`ns:0,1,${text.slice(4)}`, `ns:0,2,${text}`, `ns:-1,1,${text}`, 'ns:', `ns:x,1,${text}`])(
    '%.12s… are refused',
    answer => {
      expect(() => parseReplicas(answer, 'ns')).toThrow(expect.objectContaining({ name: 'ProtocolError' }))
    },
  )
})

describe('peers', () => {
  it.each<[string, ReturnType<typeof parsePeers>]>([
    ['0,3000,[]', { generation: 0, peers: [] }],
    [
      '12,3000,[[BB9,,[10.0.0.1:3100,10.1.0.1]],[A1,tls.name,[[fe80::1]:4000,host.example]]]',
      {
        generation: 12,
        peers: [
          {
            name: 'BB9',
            addresses: [
              { host: '10.0.0.1', port: 3100 },
              { host: '10.1.0.1', port: 3000 },
            ],
          },
          {
            name: 'A1',
            addresses: [
              { host: 'fe80::1', port: 4000 },
              { host: 'host.example', port: 3000 },
            ],
          },
        ],
      },
    ],
  ])('%s', (answer, expected) => {
    expect(parsePeers(answer)).toEqual(expected)
  })

  it.each(['', '0,3000', 'x,3000,[]', '1,3000,[[A,,[h:99999]]]', '1,,[[A,,[h]]]', 'ERROR:4:x'])(
    '%s is refused',
    answer => {
      expect(() => parsePeers(answer)).toThrow(expect.objectContaining({ name: 'ProtocolError' }))
    },
  )

  it.each([
    ['nodes', Array.from({ length: 257 }, (_, index) => `[A${index},,[h]]`).join()],
    ['addresses of a node', `[A1,,[${Array.from({ length: 257 }, (_, index) => `h${index}`).join()}]]`],
  ])('more %s than there can be are refused', (_, list) => {
    expect(() => parsePeers(`1,3000,[${list}]`)).toThrow(expect.objectContaining({ name: 'ProtocolError' }))
  })
})
