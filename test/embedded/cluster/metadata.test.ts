import { describe, expect, it } from '@jest/globals'
import { ClusterLab, filledLab, statistic } from '../support/cluster-lab.ts'

describe('what is the same everywhere', () => {
  it('reaches all nodes, and those that come later', () => {
    const lab = new ClusterLab(3)
    lab.cluster.lost(2)
    lab.settle()
    lab.info(1, 'sindex-create:namespace=test;indexname=ix;set=demo;bin=a;type=numeric')
    lab.info(1, 'truncate-namespace:namespace=test')
    lab.start(2)
    const answers = [0, 1, 2].map(position => [
      lab.info(position, 'sindex-list:'),
      statistic(lab, position, 'namespace/test', 'truncate_lut'),
    ])
    expect(answers[0]?.join()).toMatch(/indexname=ix.*,\d{10,}$/)
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
    lab.info(2, 'sindex-delete:namespace=test;indexname=ix')
    expect(lab.info(0, 'sindex-list:')).toBe('')
  })

  it('a replica that takes over finds its records by the index', () => {
    const lab = filledLab()
    lab.info(0, 'sindex-create:namespace=test;indexname=ix;set=demo;bin=a;type=numeric')
    lab.cluster.lost(1)
    lab.settle()
    const entries = [0, 2].map(position =>
      statistic(lab, position, 'sindex-stat:namespace=test;indexname=ix', 'entries'),
    )
    expect(entries).toEqual(['300', '300'])
  })

  it('every node tells who its peers are, and which partitions it has', () => {
    const lab = new ClusterLab(3)
    expect(lab.info(0, 'peers-clear-std')).toBe(
      '0,3000,[[BB9000000000001,,[127.0.0.1:3001]],[BB9000000000002,,[127.0.0.1:3002]]]',
    )
    expect(lab.info(2, 'services')).toBe('127.0.0.1:3000;127.0.0.1:3001')
    expect(lab.info(1, 'statistics')).toContain('cluster_principal=BB9000000000002;')
    for (const copy of [2, 3]) {
      const bitmaps = [0, 1, 2].map(position =>
        Buffer.from(lab.info(position, 'replicas').split(',')[copy] ?? '', 'base64'),
      )
      expect(bitmaps.map(bitmap => bitmap.length)).toEqual([512, 512, 512])
      for (let byte = 0; byte < 512; byte++) {
        const bytes = bitmaps.map(bitmap => bitmap[byte] ?? 0)
        expect([
          bytes.reduce((or, value) => or | value, 0),
          bytes.reduce((xor, value) => xor ^ value, 0),
        ]).toEqual([0xff, 0xff])
      }
    }
    expect(lab.info(0, 'replicas')).toMatch(/^test:0,2,/)
    expect(statistic(lab, 0, 'namespace/test', 'replication-factor')).toBe('2')
  })
})
