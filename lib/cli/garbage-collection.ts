import { setFlagsFromString } from 'node:v8'

/** The heap may grow by this much, in percent of what was left of it, before it is collected again. */
const GROWTH_PERCENT = 200

/**
 * For a process whose work it is to serve records. V8 counts the memory of buffers against how much a heap may grow:
 * frames and slabs of a few megabytes made it mark all objects of all records anew, so that a create took the longer
 * the more records there were (four times as long at 250,000 as at 10,000; `npm run bench:embedded`).
 */
export function collectGarbageLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
