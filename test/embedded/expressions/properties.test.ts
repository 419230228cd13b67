import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CommandError } from '../../../lib/embedded/command-error.ts'
import { Evaluation } from '../../../lib/embedded/expressions/evaluation.ts'
import { compileExpression, compileFilter } from '../../../lib/embedded/expressions/index.ts'
import { OPERATORS } from '../../../lib/embedded/expressions/operators.ts'
import { ExpressionParser } from '../../../lib/embedded/expressions/parser.ts'
import { RESULT_CODES } from '../../../lib/protocol/index.ts'
import { type Argument, msgpack } from '../operations/support/operation-lab.ts'
import {
  bin,
  bytes,
  evaluate,
  float,
  list,
  REFUSED,
  raw,
  subjectOf,
  UNKNOWN,
} from './support/expression-lab.ts'

const REFUSALS: ReadonlySet<unknown> = new Set([RESULT_CODES.PARAMETER, RESULT_CODES.UNSUPPORTED_FEATURE])

/** Compiles bytes and evaluates what comes of it; whatever is thrown but a refusal fails the test. */
function survives(source: Buffer): void {
  try {
    compileExpression(source).particle(subjectOf())
  } catch (error) {
    if (!(error instanceof CommandError) || !REFUSALS.has(error.resultCode)) throw error
  }
}

const [BOOLEAN, INTEGER] = [1, 2]

/** Well-typed expressions: each operator with operands of the types that it takes. */
const { booleans, integers } = fc.letrec<{
  booleans: Argument
  integers: Argument
  floats: Argument
  strings: Argument
  lists: Argument
  maps: Argument
}>(tie => {
  const [b, i, f, s, l, m] = ['booleans', 'integers', 'floats', 'strings', 'lists', 'maps'].map(name =>
    tie(name as 'booleans'),
  ) as [
    fc.Arbitrary<Argument>,
    fc.Arbitrary<Argument>,
    fc.Arbitrary<Argument>,
    fc.Arbitrary<Argument>,
    fc.Arbitrary<Argument>,
    fc.Arbitrary<Argument>,
  ]
  const operation = (codes: readonly number[], ...operands: fc.Arbitrary<Argument>[]) =>
    fc.tuple(fc.constantFrom<Argument[]>(...codes), ...operands) as fc.Arbitrary<Argument>
  const call = (type: number, code: fc.Arbitrary<Argument>, subject: fc.Arbitrary<Argument>, module = 0) =>
    fc.tuple(
      fc.constant<Argument>(127),
      fc.constant<Argument>(type),
      fc.constant<Argument>(module),
      code,
      subject,
    ) as fc.Arbitrary<Argument>
  const oneOf = (...arbitraries: fc.Arbitrary<Argument>[]) => fc.oneof({ maxDepth: 4 }, ...arbitraries)
  const constantsOf = (...constants: Argument[]) => fc.constantFrom<Argument[]>(...constants)
  return {
    booleans: oneOf(
      constantsOf(true, false, [0], bin.boolean('yes'), bin.boolean('none')),
      operation([16, 17, 19], b, b),
      operation([18], b),
      operation([1, 2, 3, 4, 5, 6], i, i),
      operation([1, 2, 3, 4, 5, 6], l, l),
      operation([1, 2, 3, 4, 5, 6], m, m),
      operation([1, 3, 6], s, s),
      operation([9], i, l),
      operation([123], b, b, b),
    ),
    integers: oneOf(
      constantsOf(
        0,
        -1,
        5,
        2n ** 63n - 1n,
        -(2n ** 63n),
        bin.integer('five'),
        bin.integer('none'),
        [64, 3],
        [74],
      ),
      operation([20, 21, 22, 23, 26, 32, 33, 34, 36, 37, 38, 50, 51], i, i),
      operation([21, 23, 27, 35, 39], i),
      operation([40, 41], i, b),
      operation([30], f),
      operation([123], b, i, i),
      call(INTEGER, constantsOf([16], [19, 7, 0], [22, 5, 1]), l),
      call(INTEGER, constantsOf([96], [97, 7, 'a']), m),
      constantsOf([125, raw('x'), bin.integer('five'), [20, [124, raw('x')], 1]]),
    ),
    floats: oneOf(
      constantsOf(float(0.5), float(-0), float(Number.NaN), float(1e300), bin.float('half')),
      operation([20, 21, 22, 23, 24, 25, 50, 51], f, f),
      operation([27, 28, 29], f),
      operation([31], i),
    ),
    strings: oneOf(constantsOf('', 'hello', bin.string('hello'), [70]), operation([123], b, s, s)),
    lists: oneOf(
      constantsOf(list(), list(1, 'a', [2]), bin.list('list'), bin.list('mixed')),
      operation([101, 102], m),
      call(4, fc.tuple(fc.constant<Argument>(1), i) as fc.Arbitrary<Argument>, l, 0x40),
      call(4, constantsOf([13, 2], [11], [37, 0, 0, 1]), l, 0x40),
    ),
    maps: oneOf(
      constantsOf(new Map([['a', 1]]), bin.map('map'), bin.map('nested')),
      call(
        5,
        fc.tuple(fc.constant<Argument>(67), fc.constant<Argument>('k'), i) as fc.Arbitrary<Argument>,
        m,
        0x40,
      ),
    ),
  }
})

describe('any expression', () => {
  it('that is well-typed compiles to its type, and evaluates to it or to the unknown', () => {
    fc.assert(
      fc.property(booleans, integers, (boolean, integer) => {
        const subject = subjectOf()
        for (const [expression, type] of [
          [boolean, BOOLEAN],
          [integer, INTEGER],
        ] as const) {
          const compiled = compileExpression(msgpack(expression))
          expect(compiled.resultType).toBe(type)
          const particle = compiled.particle(subject)
          const fits = particle === undefined || particle.value.length === (type === INTEGER ? 8 : 1)
          expect(fits).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('denied twice is itself, and denied decides an and and an or the other way round', () => {
    fc.assert(
      fc.property(booleans, booleans, (left, right) => {
        expect(evaluate([18, [18, left]])).toBe(evaluate(left))
        expect(evaluate([18, [16, left, right]])).toBe(evaluate([17, [18, left], [18, right]]))
      }),
      { numRuns: 200 },
    )
  })

  it('passes a filter only when it is true', () => {
    fc.assert(
      fc.property(booleans, boolean => {
        expect(compileFilter(msgpack(boolean)).matches(subjectOf())).toBe(evaluate(boolean) === true)
      }),
      { numRuns: 200 },
    )
  })

  it('that is random bytes is refused or works, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), source => survives(Buffer.from(source))),
      { numRuns: 1_000 },
    )
  })

  it('that is well-formed but for one byte is refused or works, and nothing else', () => {
    fc.assert(
      fc.property(integers, fc.nat(), fc.integer({ min: 0, max: 255 }), (expression, at, byte) => {
        const source = msgpack(expression)
        source[at % source.length] = byte
        survives(source)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('limits', () => {
  const nested = (levels: number) =>
    Buffer.concat([Buffer.alloc(2 * levels, '9212', 'hex'), Buffer.from([0xc3])])
  const nestedList = (levels: number) =>
    Buffer.concat([Buffer.from([0x92, 126]), Buffer.alloc(levels, 0x91), Buffer.from([0xc0])])

  it('takes 512 levels of operators or of a literal, not more', () => {
    expect(compileFilter(nested(512)).matches(subjectOf())).toBe(true)
    expect(() => compileExpression(nested(513))).toThrow('nested too deep')
    expect(() => compileExpression(nested(1_000_000))).toThrow('nested too deep')
    expect(compileExpression(nestedList(500)).resultType).toBe(4)
    expect(() => compileExpression(nestedList(1_000_000))).toThrow('nested too deep')
  })

  it('takes 65,536 operators and literals, not more', () => {
    expect(evaluate([20, ...new Array<number>(65_535).fill(1)])).toBe(65_535)
    expect(evaluate([20, ...new Array<number>(65_536).fill(1)])).toBe(REFUSED)
  })

  it.each<[string, Argument, number]>([
    ['a slow pattern', [7, 1, raw('(a|b)*a(a|b){50}c'), bin.string('t')], 100_000],
    ['one operation on a large value', [127, INTEGER, 0, [16], bin.list('l')], 100_000],
    ['a comparison of large values', [1, bin.list('l'), bin.list('l')], 5_000],
  ])('gives up on %s again and again, not the first time', (_name, expression, stepsMax) => {
    const subject = subjectOf({ t: 'ab'.repeat(1_000), l: new Array<number>(10_000).fill(1) })
    const { evaluate: evaluateNode } = new ExpressionParser(msgpack(expression), OPERATORS).whole()
    expect(evaluateNode(new Evaluation(subject))).toBeDefined()
    const evaluation = new Evaluation(subject, stepsMax)
    expect(() => {
      for (let left = 3; left > 0; left--) evaluateNode(evaluation)
    }).toThrow('takes too long')
  })

  it('keeps nothing of the message that an expression came in', () => {
    const source = msgpack([1, bin.blob('blob'), bytes('010203')])
    const expression = compileExpression(source)
    source.fill(0)
    expect(expression.matches(subjectOf())).toBe(true)
  })

  it('keeps expressions apart that differ in a byte', () => {
    const results = Array.from({ length: 1_000 }, (_, value) => evaluate([20, value, 1]))
    expect(results).toEqual(Array.from({ length: 1_000 }, (_, value) => value + 1))
    expect(evaluate([20, bin.integer('none'), 1])).toBe(UNKNOWN)
  })
})
