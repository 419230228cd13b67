import { readFile } from 'node:fs/promises'
import { type BlockMembership, isInconsistent, txidToHex, UtxoStore } from '../../index.ts'
import { UsageError } from '../failure.ts'
import { interruption } from '../interruption.ts'
import { createLog } from '../log.ts'
import { type Output, table } from '../output.ts'
import { Progress } from '../progress.ts'

export interface ScanOptions {
  store: string
  longestChain?: string
}

/** Inconsistent transactions that are named in the result. */
const EXAMPLES_MAX = 100

interface ScanCounts {
  /** Records read, pages and others included. */
  records: number
  transactions: number
  unmined: number
  inconsistent: number
  /** Unmined with a block: inconsistent only if the block is on the longest chain, which was not told. */
  undecided: number
  examples: { txid: string; blockIds: readonly number[]; unminedSince: number }[]
}

/**
 * The consistency scan: transactions whose mark "unmined" contradicts their blocks. Without the ids of the blocks on
 * the longest chain only those are certain that are neither unmined nor in any block.
 */
export async function scan(options: ScanOptions, output: Output): Promise<void> {
  const chain = options.longestChain === undefined ? undefined : await readBlockIds(options.longestChain)
  await using store = await UtxoStore.open(options.store, { logger: createLog() })
  using interrupted = interruption()
  const counts: ScanCounts = {
    records: 0,
    transactions: 0,
    unmined: 0,
    inconsistent: 0,
    undecided: 0,
    examples: [],
  }
  const startedAtMs = performance.now()
  let progress: Progress | undefined
  let done = 0
  const walk = store.inconsistentTransactions({
    signal: interrupted.signal,
    onProgress: event => {
      progress ??= new Progress('partitions scanned', event.total)
      progress.advance(event.done - done)
      done = event.done
    },
  })
  for await (const batch of walk) for (const membership of batch) count(counts, membership, chain)
  progress?.end()
  counts.records = walk.recordsScanned
  const seconds = (performance.now() - startedAtMs) / 1_000
  const document = {
    ...counts,
    seconds: Number(seconds.toFixed(3)),
    recordsPerSecond: Math.round(counts.records / seconds),
  }
  output.result(document, summary(document))
}

function count(
  counts: ScanCounts,
  membership: BlockMembership,
  chain: ReadonlySet<number> | undefined,
): void {
  const { txid, blockIds, unminedSince } = membership
  counts.transactions += 1
  if (unminedSince > 0) counts.unmined += 1
  if (chain === undefined && unminedSince > 0 && blockIds.length > 0) counts.undecided += 1
  // Without a chain every block counts as on it, but of the unmined ones nothing is said.
  const isWrong =
    chain === undefined
      ? unminedSince === 0 && blockIds.length === 0
      : isInconsistent(membership, blockId => chain.has(blockId))
  if (!isWrong) return
  counts.inconsistent += 1
  if (counts.examples.length < EXAMPLES_MAX)
    counts.examples.push({ txid: txidToHex(txid), blockIds, unminedSince })
}

/** Block ids, separated by spaces, commas or line ends. */
async function readBlockIds(path: string): Promise<ReadonlySet<number>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    throw new UsageError(`cannot read ${path}`)
  }
  const words = text.split(/[\s,]+/).filter(word => word !== '')
  const wrong = words.find(word => !/^\d{1,10}$/.test(word))
  if (wrong !== undefined) throw new UsageError(`${path} holds ${wrong.slice(0, 40)}, which is no block id`)
  return new Set(words.map(Number))
}

function summary(scanned: ScanCounts & { seconds: number; recordsPerSecond: number }): string {
  const rows = table([
    ['records', scanned.records],
    ['transactions', scanned.transactions],
    ['unmined', scanned.unmined],
    ['inconsistent', scanned.inconsistent],
    ['undecided without --longest-chain', scanned.undecided],
    ['seconds', scanned.seconds],
    ['records per second', scanned.recordsPerSecond],
  ])
  const examples = scanned.examples.map(
    ({ txid, blockIds, unminedSince }) =>
      `  ${txid} ${unminedSince > 0 ? `unmined since ${unminedSince}` : 'mined'}, blocks ${blockIds.join(', ') || 'none'}`,
  )
  return [rows, ...examples].join('\n')
}
