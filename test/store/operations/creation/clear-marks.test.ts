import { expect, it } from '@jest/globals'
import { clearMarks } from '../../../../lib/store/operations/creation/clear-marks.ts'
import { CreationLock } from '../../../../lib/store/operations/creation/creation-lock.ts'
import { readMaster } from '../../../../lib/store/operations/creation/stored-master.ts'
import type { BatchRow } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const TXID = bytes32(1)

/** What was last written to each page's flag `locked`, by page. */
function lockedOf(rows: readonly BatchRow[]): Map<number, unknown> {
  const locked = new Map<number, unknown>()
  for (const row of rows) {
    if (row.kind !== 'write' || row.exists !== 'update-only') continue
    const key = Buffer.from(row.key.userKey as Uint8Array)
    const put = row.operations.find(operation => operation.kind === 'put' && operation.bin === 'locked')
    if (key.length === 36 && put?.kind === 'put') locked.set(key.readUInt32LE(32), put.value)
  }
  return locked
}

it('pages get the flags that the master has in the end, though they change while the marks are taken', async () => {
  let reads = 0
  // Locked when it is looked at first, unlocked by somebody else while the pages are being written.
  const transport = new ScriptedTransport(row =>
    row.kind === 'read' ? { bins: { creating: true, locked: ++reads === 1 } } : { status: 0 },
  )
  const context = contextWith(transport)
  const lock = await CreationLock.acquire(context, TXID, 3)
  const master = await readMaster(context, TXID)
  if (lock === undefined || master === undefined) throw new Error('there is neither lock nor master')
  await clearMarks(context, lock, { txid: TXID, pageCount: 2, master })
  expect(lockedOf(transport.batches.flat())).toEqual(
    new Map([
      [1, false],
      [2, false],
    ]),
  )
  const last = transport.batches.flat().at(-1)
  expect(last?.key.userKey.length).toBe(32)
})
