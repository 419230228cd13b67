import type { OperationName } from '../report.ts'
import type { Work } from '../subject.ts'

/** What leaves the records as they are, and so can be done again. */
const READS: readonly OperationName[] = ['get', 'previousOutputsDecorate']

/**
 * The npm client's process gives back the memory of what it has read once in twenty thousand records or so, all at a
 * time, and that takes longer than reading them. Of a single pass of this length one subject would pay for it within the
 * measured time, and the next one after it.
 */
const READ_PASSES = 5

/** The work as often as it takes to show what it costs in the long run; what changes records is done once. */
export function inPasses(operation: OperationName, work: Work): Work {
  if (!READS.includes(operation)) return work
  const { calls, records } = work
  return {
    ...work,
    calls: READ_PASSES * calls,
    records: READ_PASSES * records,
    call: index => work.call(index % calls),
    check: (index, answer) => work.check(index % calls, answer),
  }
}
