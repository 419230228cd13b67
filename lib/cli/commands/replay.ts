import { type Transaction, txidToHex, UtxoStore } from '../../index.ts'
import { parseStoreUrl } from '../../settings/index.ts'
import { ReportedFailure, UsageError } from '../failure.ts'
import { createLog } from '../log.ts'
import { type Output, table } from '../output.ts'
import { Progress } from '../progress.ts'
import { indexBlocks, openBlock } from '../replay/block-index.ts'
import { orderBlocks } from '../replay/block-order.ts'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../replay/checkpoint.ts'
import { countUnspentOutputs, type ReplayCounts, ReplayJob } from '../replay/replay-job.ts'
import { type PlannedBlock, planReplay } from '../replay/replay-plan.ts'
import { standInParents } from '../replay/stand-in-parents.ts'
import { TxidFile } from '../replay/txid-file.ts'

export interface ReplayOptions {
  store: string
  startHeight?: number
  seedMissingParents?: boolean
  checkpoint?: string
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
  const { checkpoint: path } = options
  const url = parseStoreUrl(options.store)
  if (path !== undefined && url.scheme === 'embedded') {
    throw new UsageError('--checkpoint needs a store that outlives the command; give --store aerospike://….')
  }
  const checkpoint = path === undefined ? undefined : await readCheckpoint(path)
  checkSameStore(url, checkpoint)
  const { startHeight } = options
  const planned = await planReplay(await chainsOf(files, output), { startHeight, checkpoint })
  await using store = await UtxoStore.open(options.store, {
    settings: REPLAY_SETTINGS,
    logger: createLog(),
  })
  // From here on a block may be in work; before, the signal ends the process.
  const stop = new StopRequest(output)
  try {
    const summary = await runReplay(store, planned, output, {
      seedMissingParents: options.seedMissingParents === true,
      isStopWanted: () => stop.isWanted,
      blockDone: async ({ block, height }, { missingParents }) => {
        // A block that lacks parents is not done: it has to be replayed again when they are there.
        if (path === undefined || missingParents > 0) return
        const blockHash = txidToHex(Buffer.from(block.key, 'latin1'))
        await writeCheckpoint(path, { namespace: url.namespace, set: url.set, blockHash, height })
      },
    })
    output.result(summary, summaryText(summary))
    reportFailure(summary, planned.length, path)
  } finally {
    stop.end()
  }
}

export interface RunOptions {
  seedMissingParents: boolean
  /** Asked between blocks. */
  isStopWanted?: () => boolean
  /** What has to be done before the next block. */
  blockDone?: (planned: PlannedBlock, counts: Readonly<ReplayCounts>) => Promise<void>
}

/** The blocks of files as chains, with a word on what is left out of them. */
export async function chainsOf(
  files: readonly string[],
  output: Output,
): Promise<ReturnType<typeof orderBlocks>['chains']> {
  const blocks = await indexBlocks(files, (path, { offset, sizeBytes }) =>
    output.note(`${path}: ${sizeBytes} bytes at offset ${offset} belong to no block; left out`),
  )
  if (blocks.length === 0) throw new UsageError(`${files.join(', ')} holds no block.`)
  const { chains, staleCount } = orderBlocks(blocks)
  if (staleCount > 0) output.note(`${staleCount} blocks are of branches that lost; left out`)
  return chains
}

/** Replays blocks with progress on stderr. */
export async function runReplay(
  store: UtxoStore,
  planned: readonly PlannedBlock[],
  output: Output,
  { seedMissingParents, isStopWanted = () => false, blockDone = async () => {} }: RunOptions,
): Promise<ReplaySummary> {
  const startedAtMs = performance.now()
  let progress: Progress | undefined
  await using stored = await TxidFile.create()
  const job = new ReplayJob(store, stored, {
    advanced: count => progress?.advance(count),
    refused: (_tx, error) => output.note(`refused: ${error.message}`),
  })
  const transactionCount = planned.reduce((sum, { block }) => sum + block.transactionCount, 0)
  const [first] = planned
  if (seedMissingParents && first !== undefined) {
    for await (const parents of standInParents(() => transactionsOf(planned), transactionCount)) {
      progress = new Progress('stand-in parents', parents.length)
      await job.seed(parents, first.height - 1)
      progress.end()
    }
  }
  progress = new Progress(labelOf(planned), transactionCount)
  for (const one of planned) {
    if (isStopWanted()) break
    await job.replay(one.block, one.height)
    await blockDone(one, job.counts)
  }
  progress.end()
  const seconds = (performance.now() - startedAtMs) / 1000
  const unspentOutputs = await countedWithProgress(store, stored)
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

/** The first SIGINT or SIGTERM asks for a stop at the end of the block in work; a second one kills as usual. */
class StopRequest {
  #isWanted = false
  readonly #onSignal: () => void

  constructor(output: Output) {
    this.#onSignal = () => {
      this.#isWanted = true
      this.end()
      output.note('finishing the block in work; the same signal again stops at once')
    }
    for (const signal of STOP_SIGNALS) process.on(signal, this.#onSignal)
  }

  get isWanted(): boolean {
    return this.#isWanted
  }

  end(): void {
    for (const signal of STOP_SIGNALS) process.off(signal, this.#onSignal)
  }
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

function checkSameStore(url: { namespace: string; set: string }, checkpoint: Checkpoint | undefined): void {
  if (checkpoint === undefined) return
  const { namespace, set } = checkpoint
  if (namespace === url.namespace && set === url.set) return
  throw new UsageError(`the checkpoint is of namespace ${namespace}, set ${set}; the store is another.`)
}

function reportFailure(summary: ReplaySummary, plannedBlocks: number, checkpoint: string | undefined): void {
  const { blocks, missingParents, transactionsLeftOut } = summary
  if (blocks < plannedBlocks) {
    const how =
      checkpoint === undefined
        ? 'Repeat the command; what is stored already is passed over. With --checkpoint it would go on where it stopped.'
        : `Repeat the command with --checkpoint ${checkpoint} to go on from there.`
    throw new ReportedFailure(`stopped after ${blocks} of ${plannedBlocks} blocks. ${how}`)
  }
  if (missingParents === 0) return
  throw new ReportedFailure(
    `${missingParents} parents lie before the files; ${transactionsLeftOut} transactions were left out. Replay the earlier blocks first, or add --seed-missing-parents.`,
  )
}

async function* transactionsOf(
  planned: readonly PlannedBlock[],
): AsyncGenerator<Transaction, void, undefined> {
  for (const { block } of planned) yield* (await openBlock(block)).transactions
}

async function countedWithProgress(store: UtxoStore, stored: TxidFile): Promise<number> {
  const progress = new Progress('counting unspent outputs', stored.count)
  const unspent = await countUnspentOutputs(store, stored, count => progress.advance(count))
  progress.end()
  return unspent
}

function labelOf(planned: readonly PlannedBlock[]): string {
  const [first, last] = [planned[0]?.height, planned.at(-1)?.height]
  if (first === undefined) return 'no block'
  return first === last ? `block ${first}` : `blocks ${first} to ${last}`
}
