import { MSGPACK_KINDS, MsgpackReader, PARTICLE_TYPES, ProtocolError } from '../../protocol/index.ts'
import { checkedGeoJson, GEOJSON_HEADER } from '../operations/geojson.ts'
import { EXPRESSION_TYPE_MAX, EXPRESSION_TYPES } from './expression-types.ts'
import { NestingGauge } from './nesting.ts'
import { badExpression, constant, type ExpressionNode } from './node.ts'
import type { Variable } from './variable.ts'

/** How an operator is made of the arguments that a parser stands before. */
export interface Operator {
  readonly argumentsMin: number
  readonly argumentsMax: number
  /** Takes exactly `count` arguments. @throws CommandError PARAMETER, ProtocolError */
  readonly build: (parser: ExpressionParser, count: number) => ExpressionNode
}

/** Operators, literals and instructions of patterns in all: 1 MiB of a real server's (protocol 9.1). */
const COMPILED_UNITS_MAX = 65_536

/**
 * Parses an expression and checks its types (protocol 9.1). Positions follow the bytes: every method takes
 * what comes next, and throws CommandError PARAMETER or ProtocolError when that is something else.
 */
export class ExpressionParser {
  readonly #reader: MsgpackReader
  readonly #operators: ReadonlyMap<number, Operator>
  readonly #nesting = new NestingGauge()
  #units = 0
  /** Those of every `let` around the position, by name (one character per byte). */
  readonly variables = new Map<string, Variable>()

  constructor(source: Buffer, operators: ReadonlyMap<number, Operator>) {
    this.#reader = new MsgpackReader(source)
    this.#operators = operators
  }

  /** The expression that the whole source is. */
  whole(): ExpressionNode {
    const node = this.expression()
    if (!this.#reader.atEnd) throw badExpression('bytes behind it')
    return node
  }

  /** A nested expression: an operation, or a literal that stands for itself. */
  expression(): ExpressionNode {
    this.grow(1)
    const reader = this.#reader
    const start = reader.offset
    if (reader.next() !== MSGPACK_KINDS.LIST) {
      reader.offset = start
      return this.#literal()
    }
    const count = reader.size - 1
    const operator = this.#operator()
    if (count < operator.argumentsMin || count > operator.argumentsMax) {
      throw badExpression(`${count} arguments`)
    }
    this.#nesting.enter()
    const node = operator.build(this, count)
    this.#nesting.leave()
    return node
  }

  /** Units that were compiled. */
  get units(): number {
    return this.#units
  }

  /** Accounts for units. @throws CommandError PARAMETER when there get too many */
  grow(units: number): void {
    this.#units += units
    if (this.#units > COMPILED_UNITS_MAX) throw badExpression('too large')
  }

  expressions(count: number): ExpressionNode[] {
    return Array.from({ length: count }, () => this.expression())
  }

  /** An integer that is no expression. */
  integer(): bigint {
    if (this.#reader.next() !== MSGPACK_KINDS.INTEGER) throw badExpression('argument that is no integer')
    return BigInt.asIntN(64, BigInt(this.#reader.integer()))
  }

  /** A type that a request may name. */
  type(): number {
    const type = this.integer()
    if (type < 0n || type > EXPRESSION_TYPE_MAX) throw badExpression(`type ${type}`)
    return Number(type)
  }

  /** Bytes that are no expression: names and patterns, one character per byte (protocol 8.1). */
  text(): string {
    if (this.#reader.next() !== MSGPACK_KINDS.BYTES) throw badExpression('argument that is no text')
    return this.#reader.payload().toString('latin1')
  }

  /** An element that is no expression, as it is. */
  element(): Buffer {
    const { source, offset } = this.#reader
    this.#nesting.skip(this.#reader)
    return source.subarray(offset, this.#reader.offset)
  }

  /** Steps into a list that is no expression; gives how many elements follow, `undefined` for no list. */
  enterList(): number | undefined {
    const start = this.#reader.offset
    if (this.#reader.next() === MSGPACK_KINDS.LIST) return this.#reader.size
    this.#reader.offset = start
    return undefined
  }

  /** Whether what comes next is a list, which an argument is that has to be evaluated. */
  isBeforeList(): boolean {
    const start = this.#reader.offset
    const kind = this.#reader.next()
    this.#reader.offset = start
    return kind === MSGPACK_KINDS.LIST
  }

  #operator(): Operator {
    const operator = this.#operators.get(Number(this.integer()))
    if (operator === undefined) throw badExpression('unknown operator')
    return operator
  }

  #literal(): ExpressionNode {
    const reader = this.#reader
    const element = this.element()
    const literal = new MsgpackReader(reader.source, reader.offset - element.length, reader.offset)
    switch (literal.next()) {
      case MSGPACK_KINDS.NIL:
        return constant(EXPRESSION_TYPES.NIL, null)
      case MSGPACK_KINDS.FALSE:
      case MSGPACK_KINDS.TRUE:
        return constant(EXPRESSION_TYPES.BOOLEAN, literal.kind === MSGPACK_KINDS.TRUE)
      case MSGPACK_KINDS.INTEGER:
        return constant(EXPRESSION_TYPES.INTEGER, BigInt.asIntN(64, BigInt(literal.integer())))
      case MSGPACK_KINDS.FLOAT32:
      case MSGPACK_KINDS.FLOAT64:
        return constant(EXPRESSION_TYPES.FLOAT, literal.float())
      case MSGPACK_KINDS.MAP:
        return constant(EXPRESSION_TYPES.MAP, element)
      case MSGPACK_KINDS.BYTES:
        return typedLiteral(literal.payload())
      default:
        throw badExpression('extension as a literal')
    }
  }
}

/** A literal of bytes, by the particle type that they begin with. */
function typedLiteral(payload: Buffer): ExpressionNode {
  const value = payload.subarray(1)
  switch (payload[0]) {
    case PARTICLE_TYPES.STRING:
      return constant(EXPRESSION_TYPES.STRING, value)
    case PARTICLE_TYPES.BLOB:
      return constant(EXPRESSION_TYPES.BLOB, value)
    case PARTICLE_TYPES.HLL:
      return constant(EXPRESSION_TYPES.HLL, value)
    case PARTICLE_TYPES.GEOJSON:
      return constant(EXPRESSION_TYPES.GEOJSON, geoJsonLiteral(value))
    default:
      throw badExpression(`literal of particle type ${payload[0]}`)
  }
}

function geoJsonLiteral(text: Buffer): Buffer {
  try {
    return checkedGeoJson(Buffer.concat([GEOJSON_HEADER, text]))
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    throw badExpression('GeoJSON literal')
  }
}
