import { MSGPACK_KINDS, type MsgpackReader } from '../../protocol/index.ts'
import { badExpression } from './node.ts'

/** Deeper expressions, and deeper literals in them, are refused: each level is a call when it is evaluated. */
export const NESTING_MAX = 512

/** Keeps count of the depth that a parser is in. Every method throws CommandError PARAMETER beyond NESTING_MAX. */
export class NestingGauge {
  #depth = 0

  enter(): void {
    if (++this.#depth > NESTING_MAX) throw badExpression('nested too deep')
  }

  leave(): void {
    this.#depth--
  }

  /** Steps over an element with all that it contains. */
  skip(reader: MsgpackReader): void {
    /** Elements still to come, of each container that the reader is in. */
    const left = [1]
    while (left.length > 0) {
      const last = left.length - 1
      const count = left[last] ?? 0
      if (count === 0) {
        left.pop()
        continue
      }
      left[last] = count - 1
      const kind = reader.next()
      if (kind !== MSGPACK_KINDS.LIST && kind !== MSGPACK_KINDS.MAP) continue
      if (this.#depth + left.length > NESTING_MAX) throw badExpression('nested too deep')
      left.push(kind === MSGPACK_KINDS.MAP ? 2 * reader.size : reader.size)
    }
  }
}
