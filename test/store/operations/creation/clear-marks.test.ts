import { expect, it } from '@jest/globals'
import { clearMarks } from '../../../../lib/store/operations/creation/clear-marks.ts'
import { CreationLock } from '../../../../lib/store/operations/creation/creation-lock.ts'
import { readMaster } from '../../../../lib/store/operations/creation/stored-master.ts'
import type { BatchRow } from '../../../../lib/transport/index.ts'
import { bytes32, contextWith, ScriptedTransport } from '../../support/store-fixture.ts'

const TXID = bytes32(1)

/** What was last written to each page's flag `locked`, by page; undefined where it was taken away. */
function lockedOf(rows: readonly BatchRow[]): Map<number, unknown> {
  const locked = new Map<number, unknown>()
  for (const row of rows) {
    if (row.kind !== 'write' || row.exists !== 'update-only') continue
    const key = Buffer.from(row.key.userKey as Uint8Array)
    const change = row.operations.find(({ bin }) => bin === 'locked')
    if (key.length === 36 && change !== undefined)
      locked.set(key.readUInt32LE(32), change.kind === 'put' ? change.value : undefined)
  }
  return locked
}

it.each<[string, Record<string, boolean>, boolean | undefined]>([
  ['is false', { locked: false }, false],
  ['is gone', {}, undefined],
])(
  'pages get the flags that the master has in the end: one that changed meanwhile %s',
  async (_, then, left) => {
    let reads = 0
    // Locked when it is looked at first, unlocked by somebody else while the pages are being written.
    const transport = new ScriptedTransport(row => {
      if (row.kind !== 'read') return { status: 0 }
      return { bins: { creating: true, ...(++reads === 1 ? { locked: true } : then) } }
    })
    const context = contextWith(transport)
    const lock = await CreationLock.acquire(context, TXID, 3)
    const master = await readMaster(context, TXID)
    if (lock === undefined || master === undefined) throw new Error('there is neither lock nor master')
    await clearMarks(context, lock, { txid: TXID, pageCount: 2, master })
    expect(lockedOf(transport.batches.flat())).toEqual(
      new Map([
        [1, left],
        [2, left],
      ]),
    )
    const last = transport.batches.flat().at(-1)
    expect(last?.key.userKey.length).toBe(32)
  },
)
