import { compareElements } from '../../protocol/index.ts'
import { decodeContainer, listElement, type MapEntry } from '../operations/collections/container.ts'
import type { Element } from '../operations/collections/element.ts'
import { EXPRESSION_TYPES } from './expression-types.ts'
import { refuseUnlessType } from './node.ts'
import { elementOfOperand } from './operand.ts'
import type { Operator } from './parser.ts'

const NO_ELEMENTS: readonly Element[] = []

function elementsOf(list: Element): readonly Element[] {
  const container = decodeContainer(list)
  return container?.kind === 'list' ? container.elements : NO_ELEMENTS
}

/** Lists what each entry of a map has; unknown for anything but a map, which is no mistake here. */
function listing(pick: (entry: MapEntry) => Element): Operator {
  return {
    argumentsMin: 1,
    argumentsMax: 1,
    build(parser) {
      const map = parser.expression()
      return {
        type: EXPRESSION_TYPES.LIST,
        evaluate(evaluation) {
          const element = map.evaluate(evaluation)
          if (map.type !== EXPRESSION_TYPES.MAP || !Buffer.isBuffer(element)) return undefined
          evaluation.spend(element.length)
          const container = decodeContainer(element)
          return container?.kind === 'map' ? listElement(container.entries.map(pick)) : undefined
        },
      }
    },
  }
}

/** Whether a list holds a value. Here maps are compared whatever their order. */
const inList: Operator = {
  argumentsMin: 2,
  argumentsMax: 2,
  build(parser) {
    const value = parser.expression()
    const list = refuseUnlessType(parser.expression(), EXPRESSION_TYPES.LIST)
    return {
      type: EXPRESSION_TYPES.BOOLEAN,
      evaluate(evaluation) {
        const wanted = value.evaluate(evaluation)
        const elements = list.evaluate(evaluation)
        if (wanted === undefined || !Buffer.isBuffer(elements)) return undefined
        const element = elementOfOperand(wanted, value.type)
        evaluation.spend(elements.length)
        return elementsOf(elements).some(other => compareElements(other, 0, element, 0) === 0)
      },
    }
  },
}

/** By code (protocol 9.2). */
export const CONTAINER_OPERATORS: readonly (readonly [number, Operator])[] = [
  [9, inList],
  [101, listing(({ key }) => key)],
  [102, listing(({ value }) => value)],
]
