import { type PruneResult, UtxoStore } from '../../index.ts'
import { ReportedFailure } from '../failure.ts'
import { interruption } from '../interruption.ts'
import { createLog } from '../log.ts'
import { type Output, table } from '../output.ts'
import { Progress } from '../progress.ts'

export interface PruneCommandOptions {
  store: string
  height: number
  catchingUp?: boolean
}

/** One run of the pruner. An interrupt ends it between chunks; what was begun is brought to its end. */
export async function prune(options: PruneCommandOptions, output: Output): Promise<void> {
  await using store = await UtxoStore.open(options.store, { logger: createLog() })
  using interrupted = interruption()
  const startedAtMs = performance.now()
  let progress: Progress | undefined
  let done = 0
  const result = await store.prune(options.height, {
    signal: interrupted.signal,
    isCatchingUp: options.catchingUp === true,
    onProgress: event => {
      progress ??= new Progress('partitions pruned', event.total)
      progress.advance(event.done - done)
      done = event.done
    },
  })
  progress?.end()
  const seconds = Number(((performance.now() - startedAtMs) / 1_000).toFixed(3))
  output.result({ ...result, seconds }, summary(result, seconds))
  if (result.failed > 0)
    throw new ReportedFailure(`${result.failed} transactions could not be pruned; the log tells why`)
}

function summary(result: PruneResult, seconds: number): string {
  return table([
    ['outcome', result.outcome],
    ['height', String(result.height)],
    ['transactions pruned', result.processed],
    ['skipped', result.skipped],
    ['failed', result.failed],
    ['pages removed', result.pagesRemoved],
    ['bodies removed', result.bodiesRemoved],
    ['bodies missing', result.bodiesMissing],
    ['parents marked', result.parentsMarked],
    ['parents preserved', result.parentsPreserved],
    ['preservations ended', result.preservationsEnded],
    ['interrupted removals completed', result.removalsCompleted],
    ['removals left for a later run', result.removalsLeft],
    ['seconds', seconds],
  ])
}
