import type { Transaction } from '../../index.ts'

const TRANSACTIONS_MAX = 8_192
const BYTES_MAX = 64 * 1024 * 1024

/** Takes a block's transactions some at a time, in its order, so that a block of any size takes the same memory. */
export async function* windowsOf(
  transactions: AsyncIterable<Transaction>,
): AsyncGenerator<Transaction[], void, undefined> {
  let window: Transaction[] = []
  let bytes = 0
  for await (const tx of transactions) {
    window.push(tx)
    bytes += tx.sizeBytes
    if (window.length < TRANSACTIONS_MAX && bytes < BYTES_MAX) continue
    yield window
    window = []
    bytes = 0
  }
  if (window.length > 0) yield window
}
