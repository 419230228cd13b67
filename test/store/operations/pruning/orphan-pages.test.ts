import { expect, it } from '@jest/globals'
import { pruneOrphanPages } from '../../../../lib/store/operations/pruning/orphan-pages.ts'
import { newRun } from '../../../../lib/store/operations/pruning/prune-run.ts'
import { removeComposites } from '../../../../lib/store/operations/pruning/remove-composites.ts'
import { digestOf, type RowAnswer } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const TXID = bytes32(1)
const keyOf = (page: number) => ({
  set: 'utxo',
  userKey: Buffer.concat([TXID, Buffer.from([page, 0, 0, 0])]),
})
const PAGE = { digest: digestOf(keyOf(1)), bins: { txID: TXID } }
const isLock = (userKey: Uint8Array): boolean =>
  Buffer.from(userKey.subarray(32)).toString('hex') === 'feffffff'

/** A server with one transaction of two records, which says whether a lock or a record is there. */
function serverWithOnePage() {
  const there = new Set(['master', 'page 1'])
  const nameOf = (userKey: Uint8Array): string =>
    userKey.length === 32 ? 'master' : isLock(userKey) ? 'lock' : `page ${userKey[32]}`
  const answer = (isDone: boolean, status: number): Partial<RowAnswer> => ({ status: isDone ? 0 : status })
  const transport = new ScriptedTransport(({ kind, key }) => {
    if (key.set !== 'utxo') return {}
    const name = nameOf(key.userKey as Uint8Array)
    if (kind === 'remove') return answer(there.delete(name), 2)
    if (kind === 'read') return answer(there.has(name), 2)
    if (there.has(name)) return { status: 5 }
    there.add(name)
    return {}
  })
  return { there, transport, run: newRun(contextWith(transport), 20) }
}

it('a page whose master the same run has just removed is not counted as left alone', async () => {
  const { there, transport, run } = serverWithOnePage()
  const operate = transport.batchOperate.bind(transport)
  let met = 0
  let isMeeting = false
  // Another query of the run meets the page before each of its further steps.
  transport.batchOperate = async rows => {
    if (!there.has('master') && !isMeeting) {
      isMeeting = true
      met += 1
      await pruneOrphanPages(run, [PAGE])
      isMeeting = false
    }
    return operate(rows)
  }
  await removeComposites(run, [{ txid: TXID, pages: 1 }])
  // Is the master there again; the page, the intent, the lock.
  expect(met).toBe(4)
  expect(run.counts).toMatchObject({ processed: 1, pagesRemoved: 1, skipped: 0, failed: 0 })
  expect([...there]).toEqual([])
})

it('an orphaned page is left while somebody else holds the lock, and removed when the lock is given back', async () => {
  const { there, run } = serverWithOnePage()
  there.delete('master')
  there.add('lock')
  await pruneOrphanPages(run, [PAGE])
  expect(run.counts).toMatchObject({ pagesRemoved: 0, skipped: 1 })
  there.delete('lock')
  await pruneOrphanPages(run, [PAGE])
  expect(run.counts).toMatchObject({ pagesRemoved: 1, skipped: 1 })
  expect([...there]).toEqual([])
})

it('a page that is there after the removal of its transaction in the same run is looked at as any other', async () => {
  const { there, run } = serverWithOnePage()
  await removeComposites(run, [{ txid: TXID, pages: 1 }])
  there.add('page 1')
  await pruneOrphanPages(run, [PAGE])
  expect(run.counts).toMatchObject({ processed: 1, pagesRemoved: 2, skipped: 0 })
})
