import type { IndexedBlock } from './block-index.ts'

export interface OrderedBlocks {
  /** Blocks that follow one another; more than one where the files leave gaps. In the order of the files. */
  readonly chains: readonly (readonly IndexedBlock[])[]
  /** Blocks beside them, of branches that lost. */
  readonly staleCount: number
}

/**
 * Orders blocks by their predecessors: a node writes them as they arrive. Where two follow one block the longer
 * branch is taken, and of equal ones the first seen.
 */
export function orderBlocks(blocks: readonly IndexedBlock[]): OrderedBlocks {
  const known = new Set(blocks.map(({ key }) => key))
  const successors = new Map<string, IndexedBlock[]>()
  for (const block of blocks) {
    const siblings = successors.get(block.previousKey)
    if (siblings === undefined) successors.set(block.previousKey, [block])
    else siblings.push(block)
  }
  const next = longestSuccessors(blocks, known, successors)
  // Of several blocks on one missing predecessor only one can be of the chain, too.
  const starts = new Map<string, IndexedBlock>()
  for (const block of blocks) {
    if (known.has(block.previousKey)) continue
    const rival = starts.get(block.previousKey)
    if (rival === undefined || lengthFrom(block, next) > lengthFrom(rival, next)) {
      starts.set(block.previousKey, block)
    }
  }
  const chains = [...starts.values()].map(start => [...walk(start, next)])
  const ordered = chains.reduce((sum, chain) => sum + chain.length, 0)
  return { chains, staleCount: blocks.length - ordered }
}

type Next = ReadonlyMap<string, IndexedBlock>

/** For each block the one of its successors from which on the chain is longest. */
function longestSuccessors(
  blocks: readonly IndexedBlock[],
  known: ReadonlySet<string>,
  successors: ReadonlyMap<string, readonly IndexedBlock[]>,
): Next {
  const fromStarts = blocks.filter(({ previousKey }) => !known.has(previousKey))
  // It grows while it is walked, so that predecessors come before successors.
  for (const block of fromStarts) fromStarts.push(...(successors.get(block.key) ?? []))
  const next = new Map<string, IndexedBlock>()
  const lengths = new Map<string, number>()
  for (const block of fromStarts.reverse()) {
    let longest = 0
    for (const successor of successors.get(block.key) ?? []) {
      const length = lengths.get(successor.key) ?? 0
      if (length <= longest) continue
      longest = length
      next.set(block.key, successor)
    }
    lengths.set(block.key, longest + 1)
  }
  return next
}

function* walk(start: IndexedBlock, next: Next): Generator<IndexedBlock, void, undefined> {
  for (let block: IndexedBlock | undefined = start; block !== undefined; block = next.get(block.key))
    yield block
}

function lengthFrom(start: IndexedBlock, next: Next): number {
  let length = 0
  for (const _ of walk(start, next)) length += 1
  return length
}
