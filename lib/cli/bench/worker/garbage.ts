import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Node offers its garbage collector to a new context once it was started with, or is given, this flag. */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

/** Collects all garbage, to see what is kept. It makes the young generation small again: the next calls are slow. */
export function collectGarbage(): void {
  collect()
}

/**
 * Moves what was made beforehand out of the young generation, which takes two collections of it: those of the measured
 * time would have to copy it. Unlike a full collection it leaves the young generation the size it has grown to.
 */
export function settlePrepared(): void {
  collect({ type: 'minor' })
  collect({ type: 'minor' })
}
