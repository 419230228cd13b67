import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import { SET_NAME_BYTES_MAX } from '../limits.ts'
import { RecordSet } from './record-set.ts'

const SETS_MAX = 4095

/** The sets of a namespace: each comes with its first record, and stays. */
export class RecordSets {
  readonly #byName = new Map<string, RecordSet>()

  all(): IterableIterator<RecordSet> {
    return this.#byName.values()
  }

  find(name: string): RecordSet | undefined {
    return this.#byName.get(name)
  }

  /**
   * The set of a name; undefined for the empty name, which stands for no set.
   *
   * @throws CommandError PARAMETER for a name that is too long or a set too many
   */
  ensure(name: string): RecordSet | undefined {
    if (name === '') return undefined
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    if (name.length > SET_NAME_BYTES_MAX || this.#byName.size >= SETS_MAX) {
      throw new CommandError(RESULT_CODES.PARAMETER)
    }
    const set = new RecordSet(name)
    this.#byName.set(name, set)
    return set
  }
}
