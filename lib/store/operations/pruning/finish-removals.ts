import { txidToHex } from '../../../bitcoin/index.ts'
import { StoreError } from '../../../errors/index.ts'
import { masterKey, pageKey } from '../../../record/index.ts'
import { mapRows } from '../../dispatch/map-rows.ts'
import { BODIES_IN_WORK, inLanes } from '../walks/in-lanes.ts'
import { pause } from '../walks/pause.ts'
import { endRemovals } from './prune-intents.ts'
import type { PruneRun } from './prune-run.ts'
import { isStillHeld, type RemovalLock } from './removal-locks.ts'
import { type RowVerdict, removeRow, verdictOf } from './removal-rows.ts'

/** A removal whose intent is written and whose lock is held. */
export interface BegunRemoval {
  readonly txid: Uint8Array
  readonly pages: number
  /** Of the run that began it. */
  readonly height: number
  readonly lock: RemovalLock
}

/** Pages of one transaction whose removal is under way at a time; it can have thousands. */
const PAGES_AT_ONCE = 4_096
const PAUSE_MS = 50

/**
 * Removes what is left of transactions whose masters are gone: pages, then the body, then the intent. Where a step
 * fails the intent stays, and a later run goes on. A master that is there again belongs to a creator who takes no
 * lock: then nothing is touched. Returns how many are completed.
 */
export async function finishRemovals(run: PruneRun, removals: readonly BegunRemoval[]): Promise<number> {
  const { context, counts } = run
  const outcomes = await inLanes(await withoutMaster(run, removals), BODIES_IN_WORK, async removal => {
    try {
      await removePages(run, removal)
      // Kept for a while by the setting: the intent is what is left to do it.
      if (run.height < removal.height + context.settings.prunerBlobDeletionSafetyWindow) return []
      await removeBody(run, removal)
      return [removal.txid]
    } catch (error) {
      context.logger.error(
        { event: 'prune_removal_left', txid: txidToHex(removal.txid), err: error },
        'pages or the external body of a pruned transaction are left; a later run removes them',
      )
      return []
    }
  })
  const done = outcomes.flat()
  const ended = (await endRemovals(context, done)).filter(({ state }) => state !== 'failed').length
  counts.removalsLeft += removals.length - ended
  return ended
}

async function withoutMaster(run: PruneRun, removals: readonly BegunRemoval[]): Promise<BegunRemoval[]> {
  const { context } = run
  const describe = ({ txid }: BegunRemoval): string => `looking for the master of ${txidToHex(txid)}`
  const verdicts = await mapRows(context, removals, undefined, {
    toRow: ({ txid }) => ({ kind: 'read', key: { set: context.set, userKey: masterKey(txid) }, bins: [] }),
    describe,
    read: (removal, answer) => verdictOf(describe(removal), answer),
  })
  return removals.filter((_, index) => verdicts[index]?.state === 'missing')
}

async function removePages(run: PruneRun, removal: BegunRemoval): Promise<void> {
  const { context, counts } = run
  const { txid, pages } = removal
  for (let begin = 1; begin <= pages; begin += PAGES_AT_ONCE) {
    requireLock(removal)
    const numbers = Array.from(
      { length: Math.min(PAGES_AT_ONCE, pages - begin + 1) },
      (_, index) => begin + index,
    )
    const describe = (page: number): string => `removing page ${page} of ${txidToHex(txid)}`
    const verdicts: RowVerdict[] = await mapRows(context, numbers, undefined, {
      toRow: page => removeRow(context, { set: context.set, userKey: pageKey(txid, page) }),
      describe,
      read: (page, answer) => verdictOf(describe(page), answer),
    })
    for (const verdict of verdicts) {
      if (verdict.state === 'failed') throw verdict.error
      if (verdict.state === 'done') counts.pagesRemoved += 1
    }
  }
}

async function removeBody({ context, counts }: PruneRun, removal: BegunRemoval): Promise<void> {
  const hex = txidToHex(removal.txid)
  for (let attempt = 0; ; attempt += 1) {
    requireLock(removal)
    try {
      for (const type of ['tx', 'outputs'] as const) await context.external.delete(hex, type)
      counts.bodiesRemoved += 1
      return
    } catch (error) {
      if (attempt === context.settings.prunerBlobDeletionRetries) throw error
    }
    await pause(PAUSE_MS)
  }
}

/** Somebody may be creating the transaction anew when the lock has expired. */
function requireLock({ lock, txid }: BegunRemoval): void {
  if (isStillHeld(lock)) return
  throw new StoreError('PROCESSING', `the lock on ${txidToHex(txid)} was held too long to go on`)
}
