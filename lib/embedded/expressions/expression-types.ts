import { PARTICLE_TYPES } from '../../protocol/index.ts'

/** What an expression evaluates to, known before it is evaluated (protocol 9.1). */
export const EXPRESSION_TYPES = {
  NIL: 0,
  BOOLEAN: 1,
  INTEGER: 2,
  STRING: 3,
  LIST: 4,
  MAP: 5,
  BLOB: 6,
  FLOAT: 7,
  GEOJSON: 8,
  HLL: 9,
  /** Of the removal in a path operation only: no request can name it. */
  REMOVAL: 11,
} as const

/** The highest type that a request can name. */
export const EXPRESSION_TYPE_MAX = EXPRESSION_TYPES.HLL

const TYPES_BY_PARTICLE: ReadonlyMap<number, number> = new Map([
  [PARTICLE_TYPES.NULL, EXPRESSION_TYPES.NIL],
  [PARTICLE_TYPES.BOOLEAN, EXPRESSION_TYPES.BOOLEAN],
  [PARTICLE_TYPES.INTEGER, EXPRESSION_TYPES.INTEGER],
  [PARTICLE_TYPES.STRING, EXPRESSION_TYPES.STRING],
  [PARTICLE_TYPES.LIST, EXPRESSION_TYPES.LIST],
  [PARTICLE_TYPES.MAP, EXPRESSION_TYPES.MAP],
  [PARTICLE_TYPES.BLOB, EXPRESSION_TYPES.BLOB],
  [PARTICLE_TYPES.DOUBLE, EXPRESSION_TYPES.FLOAT],
  [PARTICLE_TYPES.GEOJSON, EXPRESSION_TYPES.GEOJSON],
  [PARTICLE_TYPES.HLL, EXPRESSION_TYPES.HLL],
])

/** The type of a particle in expressions; `undefined` for blobs of a language, which have none. */
export function expressionTypeOf(particleType: number): number | undefined {
  return TYPES_BY_PARTICLE.get(particleType)
}

const PARTICLES_BY_TYPE: ReadonlyMap<number, number> = new Map(
  [...TYPES_BY_PARTICLE].map(([particleType, type]) => [type, particleType]),
)

/** The particle that a value of a type is; that of a removal is none, since it has no value. */
export function particleTypeOf(type: number): number {
  return PARTICLES_BY_TYPE.get(type) ?? PARTICLE_TYPES.NULL
}
