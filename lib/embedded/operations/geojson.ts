import { geoJsonText, ProtocolError, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'

/**
 * flags u8 0 · number of cells u16 0: what a particle has before its text, and a msgpack element lacks. Clients skip
 * the cells that a server may put there.
 */
export const GEOJSON_HEADER = Buffer.alloc(3)

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
  let text: string
  let parsed: unknown
  try {
    text = geoJsonText(value)
    parsed = JSON.parse(text)
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SyntaxError) throw invalid()
    throw error
  }
  if (!isGeometry(parsed)) throw invalid()
  return Buffer.concat([GEOJSON_HEADER, Buffer.from(text, 'utf8')])
}

function invalid(): CommandError {
  return new CommandError(RESULT_CODES.GEO_INVALID_GEOJSON)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isGeometry(value: unknown): boolean {
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
