import { describe, expect, it } from '@jest/globals'
import { geoMatches } from '../../../lib/embedded/operations/geo-region.ts'

const particle = (geometry: object): Buffer =>
  Buffer.concat([Buffer.alloc(3), Buffer.from(JSON.stringify(geometry))])
const point = (longitude: number, latitude: number): Buffer =>
  particle({ type: 'Point', coordinates: [longitude, latitude] })
const circle = (longitude: number, latitude: number, radiusMeters: number): Buffer =>
  particle({ type: 'AeroCircle', coordinates: [[longitude, latitude], radiusMeters] })
const square = (longitude: number, latitude: number, half: number): number[][] => {
  const [west, east] = [longitude - half, longitude + half > 180 ? longitude + half - 360 : longitude + half]
  return [
    [west, latitude - half],
    [east, latitude - half],
    [east, latitude + half],
    [west, latitude + half],
    [west, latitude - half],
  ]
}
const polygon = (...rings: number[][][]): Buffer => particle({ type: 'Polygon', coordinates: rings })

describe('geoMatches', () => {
  it.each([
    ['within a circle', point(103.913, 1.308), circle(103.875, 1.297, 10_000), true],
    ['far from a circle', point(103.913, 1.308), circle(9.78, 53.55, 50_000), false],
    ['just within a circle', point(10, 20), circle(10, 20.001, 112), true],
    ['just without a circle', point(10, 20), circle(10, 20.001, 111), false],
    ['within a polygon', point(10, 20), polygon(square(10, 20, 1)), true],
    ['beside a polygon', point(12, 20), polygon(square(10, 20, 1)), false],
    ['within a polygon that runs clockwise', point(10, 20), polygon(square(10, 20, 1).reverse()), true],
    ['in a hole', point(10, 20), polygon(square(10, 20, 2), square(10, 20, 1)), false],
    ['beside a hole', point(11.5, 20), polygon(square(10, 20, 2), square(10, 20, 1)), true],
    ['across the date line', point(-179.5, 0), polygon(square(180, 0, 1)), true],
    [
      'around the pole',
      point(45, 89),
      polygon([
        [0, 80],
        [90, 80],
        [180, 80],
        [-90, 80],
        [0, 80],
      ]),
      true,
    ],
    ['opposite to a polygon', point(-170, -20), polygon(square(10, 20, 1)), false],
    [
      'above the parallel of an edge, but below its great circle',
      point(0, 50.5),
      polygon([
        [-20, 40],
        [20, 40],
        [20, 50],
        [-20, 50],
        [-20, 40],
      ]),
      true,
    ],
    [
      'in the second polygon',
      point(30, 0),
      particle({ type: 'MultiPolygon', coordinates: [[square(10, 0, 1)], [square(30, 0, 1)]] }),
      true,
    ],
    [
      'of a feature',
      point(10, 20),
      particle({ type: 'Feature', geometry: { type: 'Polygon', coordinates: [square(10, 20, 1)] } }),
      true,
    ],
    ['two points', point(10, 20), point(10, 20), false],
    ['two regions', circle(10, 20, 1000), circle(10, 20, 1000), false],
  ])('a point %s', (_, left, right, matches) => {
    expect(geoMatches(left, right)).toBe(matches)
    expect(geoMatches(right, left)).toBe(matches)
  })

  it.each([
    ['no JSON', 'bogus'],
    ['no geometry', '{"type":"X"}'],
    ['a place that there is not', '{"type":"Point","coordinates":[1000,2]}'],
    ['nothing', ''],
  ])('knows nothing of %s', (_, text) => {
    const value = Buffer.concat([Buffer.alloc(3), Buffer.from(text)])
    expect(geoMatches(value, circle(10, 20, 1000))).toBeUndefined()
    expect(geoMatches(circle(10, 20, 1000), value)).toBeUndefined()
  })
})
