import { isSearched, type Run, type Selection } from './selection.ts'
import type { Sequence } from './sequence.ts'

/** An operation's selection, as far as its answer as a range goes. */
export interface RunRequest {
  /** Before it was inverted. */
  readonly asked: Selection
  readonly isInverted: boolean
  readonly sequence: Sequence
  /** Whether the positions of the selection are what the answer counts. */
  readonly isAlong: boolean
}

const NOWHERE: Run = { start: -1, count: 0 }
const NOTHING: Run = { start: 0, count: 0 }

/**
 * The one range of positions that is selected, its start counted from the other end where that is asked for;
 * undefined where there is no such range, or a server does not tell it. What is not there is somewhere all the
 * same: where it would be, or where a server happens to say.
 */
export function answeredRun(request: RunRequest, isReverse: boolean): Run | undefined {
  const { asked, isInverted, sequence, isAlong } = request
  const { size, container } = sequence
  const [run] = asked.runs
  if (asked.isListed) return undefined
  if (container.kind === 'list') {
    if (isInverted) return restOfList(request)
    if (!isAlong) return run?.count === 0 && !asked.isCompared ? run : undefined
    if (run === undefined && sequence.isRanked) return NOTHING
    return turned(run ?? { start: asked.gap, count: 0 }, request, isReverse)
  }
  if (!isAlong) return undefined
  if (run === undefined) return { start: size === 0 ? -1 : asked.gap, count: 0 }
  if (asked.isCompared && asked.axis === 'rank' && size === 0) return NOWHERE
  const selected = isInverted ? restOfMap(request, run) : run
  return selected && turned(selected, request, isReverse)
}

/** The start of an empty run is turned only where a server looked at every element for it. */
function turned({ start, count }: Run, { asked, sequence }: RunRequest, isReverse: boolean): Run {
  const isTurned = isReverse && (count > 0 || isSearched(asked, sequence))
  return { start: isTurned ? sequence.size - start - count : start, count }
}

/** A server tells of a list only that all but everything is nothing, and only when it counted ranks to know it. */
function restOfList({ asked, sequence }: RunRequest): Run | undefined {
  const isCounted = asked.axis === 'rank' && !asked.isCompared && !sequence.isRanked
  return isCounted && asked.runs[0]?.count === sequence.size ? NOTHING : undefined
}

/** What a run leaves of a map, if that is one range. */
function restOfMap({ asked, sequence }: RunRequest, { start, count }: Run): Run | undefined {
  const { size } = sequence
  if (isSearched(asked, sequence)) return undefined
  if (asked.isCompared && asked.axis === 'rank' && count > 0) return undefined
  if (count === 0) return { start: 0, count: size }
  if (start === 0) return { start: count, count: size - count }
  return start + count === size ? { start: 0, count: start } : undefined
}
