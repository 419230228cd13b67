import { txidKey, txidToHex } from '../../../bitcoin/index.ts'
import { masterKey } from '../../../record/index.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { finishRemovals } from './finish-removals.ts'
import { onlySpent } from './open-outputs.ts'
import { beginRemovals, endRemovals } from './prune-intents.ts'
import { countFailed, isDue, type PruneRun } from './prune-run.ts'
import { type LockOutcome, type RemovalLock, releaseLocks, takeLocks } from './removal-locks.ts'
import { removeRow, verdictOf } from './removal-rows.ts'

/** A transaction of several records, or with an external body. */
export interface Composite {
  readonly txid: Uint8Array
  readonly pages: number
}

interface Locked extends Composite {
  readonly lock: RemovalLock
  /** Of the run, which is the intent's. */
  readonly height: number
}

/**
 * Removes transactions whose removal takes several steps. The lock on their creation is held from before the
 * first to after the last, so that nobody creates one anew whose pages or body are about to go; the intent is
 * written before the master goes.
 */
export async function removeComposites(run: PruneRun, composites: readonly Composite[]): Promise<void> {
  if (composites.length === 0) return
  const locked = await lock(run, composites)
  for (const { txid } of locked) run.removing.add(txidKey(txid))
  try {
    const begun = await begin(run, await onlySpent(run, locked))
    await finishRemovals(run, await removeMasters(run, begun))
  } finally {
    await releaseLocks(
      run.context,
      locked.map(entry => entry.lock),
    )
    for (const { txid } of locked) run.removing.delete(txidKey(txid))
  }
}

async function lock(run: PruneRun, composites: readonly Composite[]): Promise<Locked[]> {
  const outcomes = await takeLocks(run.context, composites)
  return composites.flatMap((composite, index) => {
    const outcome = outcomes[index]
    return outcome === undefined ? [] : lockedOf(run, composite, outcome)
  })
}

/** A transaction that somebody creates, or removes, at this moment is left alone. */
function lockedOf(run: PruneRun, composite: Composite, outcome: LockOutcome): Locked[] {
  if (outcome === 'busy') run.counts.skipped += 1
  else if ('token' in outcome) return [{ ...composite, lock: outcome, height: run.height }]
  else countFailed(run, composite.txid, outcome)
  return []
}

async function begin(run: PruneRun, locked: readonly Locked[]): Promise<Locked[]> {
  const startedAtMs = Date.now()
  const intents = locked.map(({ txid, pages, height }) => ({ txid, pages, height, startedAtMs }))
  const errors = await beginRemovals(run.context, intents)
  return locked.filter((entry, index) => {
    const error = errors[index]
    if (error !== undefined) countFailed(run, entry.txid, error)
    return error === undefined
  })
}

/** Those whose master is gone. What is not due any more stays whole, and its intent is taken back. */
async function removeMasters(run: PruneRun, begun: readonly Locked[]): Promise<Locked[]> {
  const { context, height, counts } = run
  const describe = ({ txid }: Locked): string => `pruning ${txidToHex(txid)}`
  const filter = isDue(height)
  const verdicts = await mapRows(context, begun, undefined, {
    toRow: ({ txid }) => removeRow(context, { set: context.set, userKey: masterKey(txid) }, filter),
    describe,
    read: (entry, answer) => verdictOf(describe(entry), answer),
  })
  const kept: Uint8Array[] = []
  const gone = begun.filter((entry, index) => {
    const verdict = verdicts[index]
    if (verdict === undefined) return false
    if (verdict.state === 'done') counts.processed += 1
    else if (verdict.state === 'failed') countFailed(run, entry.txid, verdict.error)
    else counts.skipped += 1
    if (verdict.state === 'kept') kept.push(entry.txid)
    return verdict.state === 'done' || verdict.state === 'missing'
  })
  await endRemovals(context, kept)
  return gone
}
