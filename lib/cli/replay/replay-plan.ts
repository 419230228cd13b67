import { UsageError } from '../failure.ts'
import { describeBlock, heightOf, type IndexedBlock } from './block-index.ts'
import { type Checkpoint, checkpointKey } from './checkpoint.ts'

export interface PlannedBlock {
  readonly block: IndexedBlock
  readonly height: number
}

export interface PlanOptions {
  /** Height of the first block of the first chain; by default as its coinbase says. */
  readonly startHeight?: number | undefined
  /** Blocks up to this one are done. */
  readonly checkpoint?: Checkpoint | undefined
}

/**
 * The blocks to replay in order of their heights. A chain's heights count up from its first block, which its
 * coinbase tells, or the caller, or the checkpoint that it holds or follows.
 */
export async function planReplay(
  chains: readonly (readonly IndexedBlock[])[],
  { startHeight, checkpoint }: PlanOptions = {},
): Promise<PlannedBlock[]> {
  const anchor = checkpoint === undefined ? undefined : anchorOf(chains, checkpoint)
  const placed: { chain: readonly IndexedBlock[]; firstHeight: number }[] = []
  for (const [index, chain] of chains.entries()) {
    const [first] = chain
    if (first === undefined) continue
    if (anchor?.chain === chain) placed.push(anchor)
    else placed.push({ chain, firstHeight: await firstHeight(first, index === 0 ? startHeight : undefined) })
  }
  placed.sort((a, b) => a.firstHeight - b.firstHeight)
  const doneUpTo = checkpoint?.height ?? -1
  return placed.flatMap(({ chain, firstHeight }) =>
    chain
      .map((block, index) => ({ block, height: firstHeight + index }))
      .filter(({ height }) => height > doneUpTo),
  )
}

async function firstHeight(block: IndexedBlock, given: number | undefined): Promise<number> {
  const height = given ?? (await heightOf(block))
  if (height !== undefined) return height
  if (given === undefined) {
    throw new UsageError(
      `${describeBlock(block)} follows none of the others and does not tell its height; give --start-height, one chain at a time.`,
    )
  }
  return given
}

/** The chain that holds the checkpoint's block or follows it, and the height where it begins. */
function anchorOf(
  chains: readonly (readonly IndexedBlock[])[],
  checkpoint: Checkpoint,
): { chain: readonly IndexedBlock[]; firstHeight: number } {
  const key = checkpointKey(checkpoint)
  for (const chain of chains) {
    if (chain[0]?.previousKey === key) return { chain, firstHeight: checkpoint.height + 1 }
    const index = chain.findIndex(block => block.key === key)
    if (index >= 0) return { chain, firstHeight: checkpoint.height - index }
  }
  throw new UsageError(
    `the checkpoint's block ${checkpoint.blockHash} is neither in the files nor before them; give the files that go on from it.`,
  )
}
