import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Node offers its garbage collector to a new context once it was started with, or is given, this flag. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Collects garbage now: what one measurement leaves is not to be paid by the next, nor counted as kept. */
export function collectGarbage(): void {
  collect()
}
