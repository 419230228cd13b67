import { RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import { type Element, NIL } from './element.ts'

/** A nil takes a byte, and no record may be larger than this. */
const PADDED_ELEMENTS_MAX = 8 * 1024 * 1024

/**
 * Elements of a list, filled up with nil to a length.
 *
 * @throws CommandError RECORD_TOO_BIG for a length that no record could hold
 */
export function padded(elements: readonly Element[], length: number): readonly Element[] {
  if (length > PADDED_ELEMENTS_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
  if (length <= elements.length) return elements
  return [...elements, ...new Array<Element>(length - elements.length).fill(NIL)]
}
