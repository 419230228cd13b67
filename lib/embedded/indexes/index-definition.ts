import { PARTICLE_TYPES } from '../../protocol/index.ts'

/** Which values of a record an index holds: a bin itself, or what is in it (protocol 3.2, field 26). */
export const INDEX_COLLECTIONS = {
  DEFAULT: 0,
  LIST: 1,
  MAP_KEYS: 2,
  MAP_VALUES: 3,
  /** The records of a set, whatever is in them. No query can name it. */
  SET: 0xff,
} as const

/** The particle types that can be indexed, under the names of the info protocol (protocol 10.1). */
export const INDEX_VALUE_TYPES = {
  numeric: PARTICLE_TYPES.INTEGER,
  string: PARTICLE_TYPES.STRING,
  blob: PARTICLE_TYPES.BLOB,
  /** Can be defined, since clients do, but holds nothing: queries on regions are refused. */
  geo2dsphere: PARTICLE_TYPES.GEOJSON,
} as const

/** What an index holds of a record. Two indexes with the same source are the same index. */
export interface IndexSource {
  /** Whose records it holds; empty for those of the whole namespace. */
  readonly setName: string
  /** One character per byte (latin1); empty for an index on an expression. */
  readonly binName: string
  /** One of INDEX_VALUE_TYPES. */
  readonly valueType: number
  /** One of INDEX_COLLECTIONS. */
  readonly collection: number
  /** Context of the collection within the bin, as clients send it (msgpack); undefined for the bin itself. */
  readonly context: Buffer | undefined
  /** The expression whose value is indexed, as clients send it (msgpack); undefined for a bin. */
  readonly expression: Buffer | undefined
}

export interface IndexDefinition extends IndexSource {
  readonly name: string
}

/** Whether two indexes would hold the same. */
export function isSameSource(left: IndexSource, right: IndexSource): boolean {
  return left.setName === right.setName && isSameValues(left, right)
}

/** Whether two indexes hold the same values of a record, whatever their sets. */
export function isSameValues(
  left: Omit<IndexSource, 'setName'>,
  right: Omit<IndexSource, 'setName'>,
): boolean {
  return (
    left.binName === right.binName &&
    left.valueType === right.valueType &&
    left.collection === right.collection &&
    isSameBytes(left.context, right.context) &&
    isSameBytes(left.expression, right.expression)
  )
}

function isSameBytes(left: Buffer | undefined, right: Buffer | undefined): boolean {
  return left === undefined || right === undefined ? left === right : left.equals(right)
}
