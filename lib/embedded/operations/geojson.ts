import { geoJsonText, ProtocolError, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'

/**
 * flags u8 0 · number of cells u16 0: what a particle has before its text, and a msgpack element lacks. Clients skip
 * the cells that a server may put there.
 */
export const GEOJSON_HEADER = Buffer.alloc(3)

/** Longitude and latitude in degrees. */
export type Position = readonly [number, number]
export type Ring = readonly Position[]

export type Geometry =
  | { readonly type: 'Feature'; readonly geometry: Geometry }
  | { readonly type: 'Point'; readonly coordinates: Position }
  | { readonly type: 'AeroCircle'; readonly coordinates: readonly [Position, number] }
  | { readonly type: 'Polygon'; readonly coordinates: readonly Ring[] }
  | { readonly type: 'MultiPolygon'; readonly coordinates: readonly (readonly Ring[])[] }

/** Depth of the array of coordinates, by the type of a geometry. */
const COORDINATE_DEPTHS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['Point', 1],
  ['Polygon', 3],
  ['MultiPolygon', 4],
])

/**
 * Checks a GeoJSON particle; it is stored without cells.
 *
 * @throws CommandError GEO_INVALID_GEOJSON
 */
export function checkedGeoJson(value: Buffer): Buffer {
  if (geometryOf(value) === undefined) throw new CommandError(RESULT_CODES.GEO_INVALID_GEOJSON)
  return Buffer.concat([GEOJSON_HEADER, Buffer.from(geoJsonText(value), 'utf8')])
}

/** What a GeoJSON particle stands for; undefined for none, which functions can store. */
export function geometryOf(value: Buffer): Geometry | undefined {
  try {
    const parsed: unknown = JSON.parse(geoJsonText(value))
    return isGeometry(parsed) ? parsed : undefined
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SyntaxError) return undefined
    throw error
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isGeometry(value: unknown): value is Geometry {
  if (!isObject(value)) return false
  if (value.type === 'Feature') return isGeometry(value.geometry)
  if (value.type === 'AeroCircle') return isCircle(value.coordinates)
  const depth = COORDINATE_DEPTHS.get(value.type)
  return depth !== undefined && isCoordinates(value.coordinates, depth)
}

function isCircle(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isPosition(value[0]) && typeof value[1] === 'number'
}

function isCoordinates(value: unknown, depth: number): boolean {
  if (depth === 1) return isPosition(value)
  return Array.isArray(value) && value.length > 0 && value.every(inner => isCoordinates(inner, depth - 1))
}

/** Longitude and latitude in degrees. */
function isPosition(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2) return false
  const [longitude, latitude]: unknown[] = value
  return isWithin(longitude, 180) && isWithin(latitude, 90)
}

function isWithin(degrees: unknown, limit: number): boolean {
  return typeof degrees === 'number' && Math.abs(degrees) <= limit
}
