import { PARTICLE_TYPES } from '../../protocol/index.ts'
import { BIN_NAME_BYTES_MAX } from '../limits.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { badExpression } from './node.ts'
import { operandOfParticle } from './operand.ts'
import type { ExpressionParser, Operator } from './parser.ts'

function binName(parser: ExpressionParser): string {
  const name = parser.text()
  if (name.length > BIN_NAME_BYTES_MAX) throw badExpression('name of a bin too long')
  return name
}

/** A bin of another type than the one asked for is as unknown as one that is missing. */
const bin: Operator = {
  argumentsMin: 2,
  argumentsMax: 2,
  build(parser) {
    const type = parser.type()
    const name = binName(parser)
    return {
      type,
      evaluate({ subject }) {
        const found = subject.bins.get(name)
        return found === undefined ? undefined : operandOfParticle(found, type)
      },
    }
  },
}

const binType: Operator = {
  argumentsMin: 1,
  argumentsMax: 1,
  build(parser) {
    const name = binName(parser)
    return {
      type: EXPRESSION_TYPES.INTEGER,
      evaluate: ({ subject }) => BigInt(subject.bins.get(name)?.type ?? PARTICLE_TYPES.NULL),
    }
  },
}

/** By code (protocol 9.2). */
export const BINS: readonly (readonly [number, Operator])[] = [
  [81, bin],
  [82, binType],
]
