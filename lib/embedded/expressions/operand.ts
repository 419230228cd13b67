import { ByteWriter, geoJsonText, PARTICLE_TYPES, writeTypedBytes } from '../../protocol/index.ts'
import {
  booleanElement,
  doubleElement,
  type Element,
  elementParticle,
  integerElement,
  NIL,
} from '../operations/collections/element.ts'
import { expressionTypeOf, particleTypeOf } from './expression-types.ts'

/**
 * A value inside an expression: integers are bigints within 64 bits, floats are numbers, lists and maps
 * msgpack elements, everything else the bytes of its particle. `undefined` stands for the unknown (protocol 9.4).
 */
export type Operand = null | boolean | bigint | number | Buffer

/** A value as bins and answers have it. */
export interface OperandParticle {
  /** One of PARTICLE_TYPES. */
  readonly type: number
  readonly value: Buffer
}

const NO_BYTES = Buffer.alloc(0)
const BOOLEAN_BYTES = { false: Buffer.from([0]), true: Buffer.from([1]) } as const

/** The value of a particle, `undefined` when it is not of an expected type. */
export function operandOfParticle(
  { type, value }: OperandParticle,
  expectedType: number,
): Operand | undefined {
  if (expressionTypeOf(type) !== expectedType) return undefined
  switch (type) {
    case PARTICLE_TYPES.NULL:
      return null
    case PARTICLE_TYPES.BOOLEAN:
      return value[0] !== 0
    case PARTICLE_TYPES.INTEGER:
      return value.readBigInt64BE(0)
    case PARTICLE_TYPES.DOUBLE:
      return value.readDoubleBE(0)
    default:
      return value
  }
}

export function particleOfOperand(operand: Operand, type: number): OperandParticle {
  return { type: particleTypeOf(type), value: particleBytes(operand) }
}

function particleBytes(operand: Operand): Buffer {
  if (operand === null) return NO_BYTES
  if (typeof operand === 'boolean') return operand ? BOOLEAN_BYTES.true : BOOLEAN_BYTES.false
  if (typeof operand === 'object') return operand
  const value = Buffer.allocUnsafe(8)
  if (typeof operand === 'bigint') value.writeBigInt64BE(operand)
  else value.writeDoubleBE(operand)
  return value
}

/** The value of a msgpack element, `undefined` when it is not of an expected type. @throws CommandError */
export function operandOfElement(element: Element, expectedType: number): Operand | undefined {
  const { type, value } = elementParticle(element)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return operandOfParticle({ type, value: bytes }, expectedType)
}

/** A value as an element of a list, a map, or the arguments of an operation. */
export function elementOfOperand(operand: Operand, type: number): Element {
  if (operand === null) return NIL
  if (typeof operand === 'boolean') return booleanElement(operand)
  if (typeof operand === 'bigint') return integerElement(operand)
  if (typeof operand === 'number') return doubleElement(operand)
  const particleType = particleTypeOf(type)
  if (particleType === PARTICLE_TYPES.LIST || particleType === PARTICLE_TYPES.MAP) return operand
  const isGeoJson = particleType === PARTICLE_TYPES.GEOJSON
  const writer = new ByteWriter()
  writeTypedBytes(writer, particleType, isGeoJson ? Buffer.from(geoJsonText(operand), 'utf8') : operand)
  return writer.view()
}
