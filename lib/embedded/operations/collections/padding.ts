import { type Element, NIL, refuseTooMany } from './element.ts'

/**
 * Elements of a list, filled up with nil to a length.
 *
 * @throws CommandError RECORD_TOO_BIG for a length that no record could hold
 */
export function padded(elements: readonly Element[], length: number): readonly Element[] {
  refuseTooMany(length)
  if (length <= elements.length) return elements
  return [...elements, ...new Array<Element>(length - elements.length).fill(NIL)]
}
