import { describe, expect, it } from '@jest/globals'
import prometheus from 'prom-client'
import { parseExposition, type Reading } from '../../../lib/cli/watch/exposition.ts'

function flat(text: string): [string, Record<string, string>, number][] {
  return [...parseExposition(text)].flatMap(([name, readings]) =>
    readings.map(({ labels, value }: Reading) => [name, Object.fromEntries(labels), value]),
  ) as [string, Record<string, string>, number][]
}

describe('parseExposition', () => {
  it.each<[string, string, [string, Record<string, string>, number][]]>([
    ['a bare value', 'up 1', [['up', {}, 1]]],
    ['labels', 'x_total{a="1",b="two"} 3.5e3', [['x_total', { a: '1', b: 'two' }, 3500]]],
    ['a comma after the last label', 'x{a="1",} 2', [['x', { a: '1' }, 2]]],
    ['empty braces', 'x{} 2', [['x', {}, 2]]],
    ['a time after the value', 'x{a="1"} 2 1395066363000', [['x', { a: '1' }, 2]]],
    ['an exemplar', 'x_bucket{le="+Inf"} 2 # {trace="a b"} 0.5 1.5', [['x_bucket', { le: '+Inf' }, 2]]],
    ['braces, blanks and commas in a label', 'x{a="} 1, {"} 2', [['x', { a: '} 1, {' }, 2]]],
    ['escapes in a label', 'x{a="\\\\n\\n\\"q"} 1', [['x', { a: '\\n\n"q' }, 1]]],
    ['comments, blank lines, Windows line ends', '# HELP x y\r\n\r\nx 1\r\n# EOF\r\n', [['x', {}, 1]]],
    [
      'what is beyond numbers',
      'a NaN\nb +Inf\nc -Inf',
      [
        ['a', {}, Number.NaN],
        ['b', {}, Infinity],
        ['c', {}, -Infinity],
      ],
    ],
    [
      'several readings of one name',
      'x{a="1"} 1\nx{a="2"} -2',
      [
        ['x', { a: '1' }, 1],
        ['x', { a: '2' }, -2],
      ],
    ],
  ])('reads %s', (_what, text, expected) => {
    expect(flat(text)).toEqual(expected)
  })

  it('reads what prom-client writes, its default metrics included', async () => {
    const registry = new prometheus.Registry()
    prometheus.collectDefaultMetrics({ register: registry })
    const histogram = new prometheus.Histogram({
      name: 'h',
      help: 'h',
      labelNames: ['l'],
      buckets: [1],
      registers: [registry],
    })
    histogram.observe({ l: 'a "quoted"\\\nvalue' }, 0.5)
    const readings = parseExposition(await registry.metrics())
    expect(readings.get('process_cpu_seconds_total')).toHaveLength(1)
    expect(
      readings.get('h_bucket')?.map(({ labels, value }) => [labels.get('l'), labels.get('le'), value]),
    ).toEqual([
      ['a "quoted"\\\nvalue', '1', 1],
      ['a "quoted"\\\nvalue', '+Inf', 1],
    ])
  })

  it.each([
    ['<html>'],
    ['x'],
    ['x{a="1} 2'],
    ['x{a=1} 2'],
    ['x{a="1" b="2"} 3'],
    ['x 1,5'],
    ['x 0x10'],
    ['1x 2'],
  ])('refuses %j, and names the line', text => {
    expect(() => parseExposition(`up 1\n${text}`)).toThrow(
      expect.objectContaining({ code: 'PROCESSING', message: expect.stringContaining('line 2') }),
    )
  })
})
