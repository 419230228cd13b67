import { geoMatches } from '../operations/geo-region.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { refuseUnlessType } from './node.ts'
import type { Operator } from './parser.ts'

/** True of a point and a region that it lies in, whichever comes first. */
const geoComparison: Operator = {
  argumentsMin: 2,
  argumentsMax: 2,
  build(parser) {
    const left = refuseUnlessType(parser.expression(), EXPRESSION_TYPES.GEOJSON)
    const right = refuseUnlessType(parser.expression(), EXPRESSION_TYPES.GEOJSON)
    return {
      type: EXPRESSION_TYPES.BOOLEAN,
      evaluate(evaluation) {
        const leftValue = left.evaluate(evaluation)
        const rightValue = right.evaluate(evaluation)
        if (!Buffer.isBuffer(leftValue) || !Buffer.isBuffer(rightValue)) return undefined
        evaluation.spend(leftValue.length + rightValue.length)
        return geoMatches(leftValue, rightValue)
      },
    }
  },
}

/** By code (protocol 9.2). */
export const GEO: readonly (readonly [number, Operator])[] = [[8, geoComparison]]
