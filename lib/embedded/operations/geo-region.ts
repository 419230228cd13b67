import { type Geometry, geometryOf, type Position, type Ring } from './geojson.ts'

/** What servers take the earth for: a ball of this radius, in metres. */
const EARTH_RADIUS_METERS = 6_371_000

/** A place on the unit ball. */
interface Place {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** What a GeoJSON text stands for: a point, or a test for the points within a region. */
type Shape =
  | { readonly kind: 'point'; readonly place: Place }
  | { readonly kind: 'region'; readonly contains: (place: Place) => boolean }

/**
 * Whether one of two GeoJSON particles is a point, and the other a region that it lies in (protocol 9.2). Points
 * and regions among themselves never match. Edges are parts of great circles. Undefined for a particle that is no
 * GeoJSON, over which a real server ends itself.
 */
export function geoMatches(left: Buffer, right: Buffer): boolean | undefined {
  const [leftGeometry, rightGeometry] = [geometryOf(left), geometryOf(right)]
  if (leftGeometry === undefined || rightGeometry === undefined) return undefined
  const [one, other] = [shapeOf(leftGeometry), shapeOf(rightGeometry)]
  if (one.kind === 'point') return other.kind === 'region' && other.contains(one.place)
  return other.kind === 'point' && one.contains(other.place)
}

function shapeOf(geometry: Geometry): Shape {
  switch (geometry.type) {
    case 'Feature':
      return shapeOf(geometry.geometry)
    case 'Point':
      return { kind: 'point', place: placeAt(geometry.coordinates) }
    case 'AeroCircle': {
      const [center, radiusMeters] = geometry.coordinates
      const middle = placeAt(center)
      return { kind: 'region', contains: place => angle(middle, place) * EARTH_RADIUS_METERS <= radiusMeters }
    }
    case 'Polygon':
      return { kind: 'region', contains: polygonTest(geometry.coordinates) }
    case 'MultiPolygon': {
      const tests = geometry.coordinates.map(polygonTest)
      return { kind: 'region', contains: place => tests.some(contains => contains(place)) }
    }
  }
}

/** The first ring is the border, the others are holes. */
function polygonTest(rings: readonly Ring[]): (place: Place) => boolean {
  const [border = [], ...holes] = rings.map(ring => ring.map(placeAt))
  return place => surrounds(border, place) && !holes.some(hole => surrounds(hole, place))
}

function placeAt([longitude, latitude]: Position): Place {
  const [east, north] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180]
  return {
    x: Math.cos(north) * Math.cos(east),
    y: Math.cos(north) * Math.sin(east),
    z: Math.sin(north),
  }
}

function dot(left: Place, right: Place): number {
  return left.x * right.x + left.y * right.y + left.z * right.z
}

/** In radians, as seen from the middle of the earth; exact for neighbours, too. */
function angle(left: Place, right: Place): number {
  const chord = Math.hypot(left.x - right.x, left.y - right.y, left.z - right.z)
  return 2 * Math.asin(Math.min(1, chord / 2))
}

/**
 * Whether someone at a place turns around once while looking along a ring. At the place opposite to one inside
 * he does, too: that one sees the ring's middle below the horizon.
 */
function surrounds(ring: readonly Place[], place: Place): boolean {
  const directions = ring.map(corner => direction(place, corner))
  let turned = 0
  for (const [at, current] of directions.entries()) {
    const change = current - (directions.at(at - 1) ?? current)
    turned += change - 2 * Math.PI * Math.round(change / (2 * Math.PI))
  }
  const isAbove = ring.reduce((sum, corner) => sum + dot(place, corner), 0) > 0
  return isAbove && Math.abs(turned) > Math.PI
}

/** The compass direction from one place to another, in radians. */
function direction(from: Place, to: Place): number {
  const east = to.y * from.x - to.x * from.y
  const north = to.z * (from.x ** 2 + from.y ** 2) - from.z * (to.x * from.x + to.y * from.y)
  return Math.atan2(east, north)
}
