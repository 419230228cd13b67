import type { BatchRow, Transport } from '../../../index.ts'
import { chunks } from '../subject.ts'

const BATCH_TIMEOUT_MS = 60_000
const BATCH_ROWS = 1_000

/** Removes the records of transactions, those there are, in batches of a size that no server minds. */
export async function removeRecords(
  transport: Transport,
  set: string,
  txids: readonly Uint8Array[],
): Promise<void> {
  for (const chunk of chunks(txids, BATCH_ROWS)) {
    const rows = chunk.map((userKey): BatchRow => ({ kind: 'remove', key: { set, userKey } }))
    await transport.batchOperate(rows, { timeout: BATCH_TIMEOUT_MS })
  }
}
