import { describe, expect, it } from '@jest/globals'
import { GeoJson } from '../../../lib/protocol/index.ts'
import type { Argument } from '../operations/support/operation-lab.ts'
import { bin, evaluate, REFUSED, UNKNOWN } from './support/expression-lab.ts'

const POINT = new GeoJson('{"type":"Point","coordinates":[10,20]}')
const CIRCLE = new GeoJson('{"type":"AeroCircle","coordinates":[[10,20.001],1000]}')
const GEO = 8

describe('geospatial comparison', () => {
  it.each<[string, Argument, boolean | string]>([
    ['a point and its region', [GEO, POINT, CIRCLE], true],
    ['a region and its point', [GEO, CIRCLE, POINT], true],
    ['two points', [GEO, POINT, POINT], false],
    ['a bin that is not there', [GEO, bin.geoJson('none'), CIRCLE], UNKNOWN],
    ['a bin that is not there, second', [GEO, CIRCLE, bin.geoJson('none')], UNKNOWN],
    ['something else', [GEO, POINT, 1], REFUSED],
    ['one operand', [GEO, POINT], REFUSED],
  ])('%s', (_, expression, value) => {
    expect(evaluate(expression)).toBe(value)
  })
})
