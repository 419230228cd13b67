import { anyValue, pack, RawName, small, type Term } from './payload.ts'
import type { Random } from './random.ts'

const BIN_NAMES = ['i', 's', 'b', 'l', 'm', 'none'] as const
const RESULT_TYPES: readonly [number, ...number[]] = [1, 2, 3, 4, 5, 6, 7]
const COMPARISONS: readonly [number, ...number[]] = [1, 2, 3, 4, 5, 6]
const LOGICAL: readonly [number, ...number[]] = [16, 17, 18, 19]
const ARITHMETIC: readonly [number, ...number[]] = [
  20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 50, 51,
]
const METADATA: readonly [number, ...number[]] = [65, 66, 67, 68, 69, 70, 71, 72, 73, 74]
const DEPTH_MAX = 4

function bin(random: Random): Term {
  return [81, random.pick(RESULT_TYPES), new RawName(random.pick(BIN_NAMES))]
}

function numberTerm(random: Random, depth: number): Term {
  if (depth >= DEPTH_MAX || random.chance(0.4))
    return random.chance(0.5) ? small(random) : [81, 2, new RawName('i')]
  const operands = random.times(random.integer(1, 3), () => numberTerm(random, depth + 1))
  return [random.pick(ARITHMETIC), ...operands]
}

function call(random: Random): Term {
  return random.pick<Term>([
    [127, 2, 0, [16], [81, 4, new RawName('l')]],
    [
      127,
      random.pick(RESULT_TYPES),
      0,
      [19, random.integer(0, 13), small(random)],
      [81, 4, new RawName('l')],
    ],
    [127, 4, 64, [1, anyValue(random, 3)], [81, 4, new RawName('l')]],
    [127, 2, 0, [97, 7, 'a'], [81, 5, new RawName('m')]],
    [127, 2, 0, [255, [34, 'a'], [16]], [81, 5, new RawName('m')]],
    [127, 5, 64, [67, 'c', small(random)], [81, 5, new RawName('m')]],
    [127, 2, 1, [51, 0, random.integer(0, 40)], [81, 6, new RawName('b')]],
    [127, 6, 65, [0, random.integer(-1, 40), 0, 0], [81, 6, new RawName('b')]],
  ])
}

function booleanTerm(random: Random, depth: number): Term {
  if (depth >= DEPTH_MAX) return true
  switch (random.integer(0, 7)) {
    case 0:
    case 1:
      return [random.pick(COMPARISONS), numberTerm(random, depth + 1), numberTerm(random, depth + 1)]
    case 2:
    case 3:
      return [
        random.pick(LOGICAL),
        ...random.times(random.integer(1, 3), () => booleanTerm(random, depth + 1)),
      ]
    case 4:
      return [random.pick(COMPARISONS), bin(random), anyExpression(random, depth + 1)]
    case 5:
      return [
        7,
        random.integer(0, 15),
        new RawName(random.pick(['a+', '(', '[[:digit:]]', 'x{1,9}'])),
        bin(random),
      ]
    case 6:
      return [
        125,
        new RawName('v'),
        numberTerm(random, depth + 1),
        [1, [124, new RawName('v')], small(random)],
      ]
    default:
      return [9, anyValue(random, 3), [126, random.times(random.integer(0, 4), () => anyValue(random, 3))]]
  }
}

/** A term of any type. */
export function anyExpression(random: Random, depth = 0): Term {
  switch (random.integer(0, 7)) {
    case 0:
      return booleanTerm(random, depth)
    case 1:
      return numberTerm(random, depth)
    case 2:
      return [random.pick(METADATA)]
    case 3:
      return call(random)
    case 4:
      return [
        123,
        booleanTerm(random, depth + 1),
        numberTerm(random, depth + 1),
        numberTerm(random, depth + 1),
      ]
    case 5:
      return [126, random.times(random.integer(0, 4), () => anyValue(random, 2))]
    case 6:
      return [82, new RawName(random.pick(BIN_NAMES))]
    default:
      return random.chance(0.5) ? bin(random) : anyValue(random, 2)
  }
}

/** The payload of a filter (protocol 9). */
export function filterExpression(random: Random): Buffer {
  return pack(random.chance(0.8) ? booleanTerm(random, 0) : anyExpression(random))
}

/** The payload of an operation that evaluates an expression (protocol 9.5). */
export function expressionOperation(random: Random): Buffer {
  return pack([anyExpression(random), random.pick([0, 1, 2, 4, 8, 16, 31, 64])])
}
