import { ProtocolError } from '../../protocol/index.ts'
import { Evaluation } from './evaluation.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression, type ExpressionNode } from './node.ts'
import { type OperandParticle, particleOfOperand } from './operand.ts'
import { OPERATORS } from './operators.ts'
import { ExpressionParser } from './parser.ts'
import type { ExpressionSubject } from './subject.ts'

/** Expressions that are kept compiled: as many as an application has of them, and some. */
const CACHED_MAX = 256
/** Larger ones are not kept: bytes of their source, and units that they are compiled to. */
const CACHED_BYTES_MAX = 4096
const CACHED_UNITS_MAX = 4096

/** A compiled expression (protocol 9). It keeps nothing of what it was evaluated on. */
export class Expression {
  readonly #root: ExpressionNode
  /** Its size in memory: operators, literals and instructions of patterns. */
  readonly units: number

  constructor(root: ExpressionNode, units: number) {
    this.#root = root
    this.units = units
  }

  /** What it evaluates to: one of EXPRESSION_TYPES. */
  get resultType(): number {
    return this.#root.type
  }

  /**
   * The value for a record; `undefined` when it is unknown. Lists and maps may be views of the record.
   *
   * @throws CommandError TIMEOUT when it takes too long: see Evaluation
   */
  particle(subject: ExpressionSubject): OperandParticle | undefined {
    const operand = this.#root.evaluate(new Evaluation(subject))
    return operand === undefined ? undefined : particleOfOperand(operand, this.#root.type)
  }

  /** Whether a record passes: false also when that is unknown. @throws CommandError as `particle` */
  matches(subject: ExpressionSubject): boolean {
    return this.#root.evaluate(new Evaluation(subject)) === true
  }
}

/** By source, one character per byte; the oldest goes first. */
const cached = new Map<string, Expression>()

/**
 * Compiles an expression, or finds it compiled: the rows of a batch and the calls of an application bring the
 * same ones again and again.
 *
 * @throws CommandError PARAMETER for one that is malformed or ill-typed, UNSUPPORTED_FEATURE for one that
 *   calls HyperLogLog operations, selects by path, or has a pattern with back references
 */
export function compileExpression(source: Buffer): Expression {
  const isKept = source.length <= CACHED_BYTES_MAX
  const key = isKept ? source.toString('latin1') : ''
  const known = isKept ? cached.get(key) : undefined
  if (known !== undefined) return known
  const expression = compiled(source)
  if (isKept && expression.units <= CACHED_UNITS_MAX) keep(key, expression)
  return expression
}

function keep(key: string, expression: Expression): void {
  const [oldest] = cached.keys()
  if (oldest !== undefined && cached.size >= CACHED_MAX) cached.delete(oldest)
  cached.set(key, expression)
}

/** As compileExpression. @throws CommandError PARAMETER also for one that evaluates to anything but a boolean */
export function compileFilter(source: Buffer): Expression {
  const expression = compileExpression(source)
  if (expression.resultType !== EXPRESSION_TYPES.BOOLEAN) throw badExpression('filter that is not boolean')
  return expression
}

function compiled(source: Buffer): Expression {
  try {
    // A copy: literals are views, which would keep the whole message alive.
    const parser = new ExpressionParser(Buffer.from(source), OPERATORS)
    const root = parser.whole()
    return new Expression(root, parser.units)
  } catch (error) {
    if (error instanceof ProtocolError) throw badExpression(error.message)
    throw error
  }
}
