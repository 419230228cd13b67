import { type Block, coinbaseHeight, UtxoStore } from '../../index.ts'
import { ReportedFailure, UsageError } from '../failure.ts'
import { createLog } from '../log.ts'
import { type Output, table } from '../output.ts'
import { Progress } from '../progress.ts'
import { readBlocks } from '../replay/block-source.ts'
import { countUnspentOutputs, type ReplayCounts, ReplayJob } from '../replay/replay-job.ts'
import { standInParents } from '../replay/stand-in-parents.ts'

export interface ReplayOptions {
  store: string
  startHeight?: number
  seedMissingParents?: boolean
}

/** The reference's shipped batch sizes: a replay has thousands of calls in progress. */
export const REPLAY_SETTINGS = {
  storeBatcherSize: 1024,
  storeBatcherDurationMillis: 5,
  spendBatcherSize: 1024,
  spendBatcherDurationMillis: 5,
  batcherWhenFull: 'wait',
} as const

export interface ReplaySummary extends ReplayCounts {
  unspentOutputs: number
  seconds: number
  transactionsPerSecond: number
}

/** Replays files into a store and reports what was done. */
export async function replay(
  files: readonly string[],
  options: ReplayOptions,
  output: Output,
): Promise<void> {
  const blocks = (await Promise.all(files.map(readBlocks))).flat()
  const startHeight = options.startHeight ?? startHeightOf(blocks, files)
  await using store = await UtxoStore.open(options.store, { settings: REPLAY_SETTINGS, logger: createLog() })
  const summary = await runReplay(store, blocks, startHeight, options.seedMissingParents === true, output)
  output.result(summary, summaryText(summary))
  if (summary.missingParents > 0) {
    throw new ReportedFailure(
      `${summary.missingParents} parents lie before the files; ${summary.transactionsLeftOut} transactions were left out. Replay the earlier blocks first, or add --seed-missing-parents.`,
    )
  }
}

/** Replays blocks with progress on stderr. */
export async function runReplay(
  store: UtxoStore,
  blocks: readonly Block[],
  startHeight: number,
  seedMissingParents: boolean,
  output: Output,
): Promise<ReplaySummary> {
  const startedAtMs = performance.now()
  let progress: Progress | undefined
  const job = new ReplayJob(store, {
    advanced: count => progress?.advance(count),
    refused: (_tx, error) => output.note(`refused: ${error.message}`),
  })
  if (seedMissingParents) {
    const parents = standInParents(blocks)
    progress = new Progress('stand-in parents', parents.length)
    await job.seed(parents, startHeight - 1)
    progress.end()
  }
  for (const [index, block] of blocks.entries()) {
    progress = new Progress(`block ${startHeight + index}`, block.transactions.length)
    await job.replay(block, startHeight + index)
    progress.end()
  }
  const seconds = (performance.now() - startedAtMs) / 1000
  const unspentOutputs = await countUnspentOutputs(store, job.stored)
  return {
    ...job.counts,
    unspentOutputs,
    seconds: Number(seconds.toFixed(3)),
    transactionsPerSecond: Math.round(job.counts.transactions / seconds),
  }
}

export function summaryText(summary: ReplaySummary): string {
  return table([
    ['blocks', summary.blocks],
    ['transactions', summary.transactions],
    ['outputs created', summary.outputsCreated],
    ['inputs spent', summary.inputsSpent],
    ['  of outputs made in the same block', summary.inputsSpentInBlock],
    ['outputs left unspent', summary.unspentOutputs],
    ['double spends refused', summary.doubleSpendsRefused],
    ['transactions stored before', summary.transactionsAlreadyStored],
    ['stand-in parents created', summary.parentsSeeded],
    ['missing parents', summary.missingParents],
    ['seconds', summary.seconds],
    ['transactions per second', summary.transactionsPerSecond],
  ])
}

function startHeightOf(blocks: readonly Block[], files: readonly string[]): number {
  const [first] = blocks
  if (first === undefined) throw new UsageError(`${files.join(', ')} holds no block.`)
  const height = coinbaseHeight(first)
  if (height === undefined)
    throw new UsageError('the first block does not tell its height; give --start-height.')
  return height
}
