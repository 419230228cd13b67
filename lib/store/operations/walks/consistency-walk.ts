import { BINS, decodeMetadata } from '../../../record/index.ts'
import type { QueryRecord } from '../../../transport/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import type { WalkOutput, WalkProgress } from './record-walk.ts'
import { walkPartitions } from './walk-partitions.ts'

/** What a transaction says of its blocks. */
export interface BlockMembership {
  /** 32 bytes, internal order. */
  readonly txid: Uint8Array
  readonly blockIds: readonly number[]
  /** Height; 0 where the transaction counts as mined. */
  readonly unminedSince: number
}

/**
 * Whether a transaction's mark contradicts its blocks: unmined with a block on the longest chain, or mined
 * without one.
 */
export function isInconsistent(
  { blockIds, unminedSince }: BlockMembership,
  isOnLongestChain: (blockId: number) => boolean,
): boolean {
  return unminedSince > 0 === blockIds.some(isOnLongestChain)
}

/**
 * Reads the whole set (semantics 3.16). Passed over are records without the bin `blockIDs`, pages among them,
 * and those whose txid or blocks cannot be read.
 */
export async function walkBlockMemberships(
  context: StoreContext,
  output: WalkOutput<BlockMembership>,
  onProgress: ((progress: WalkProgress) => void) | undefined,
  signal: AbortSignal,
  isWanted: (membership: BlockMembership) => boolean,
): Promise<void> {
  const request = { bins: [BINS.txid, BINS.blockIds, BINS.unminedSince] }
  const decode = (records: readonly QueryRecord[]): BlockMembership[] =>
    records.flatMap(({ bins }) => {
      const membership = decodeMembership(bins)
      return membership !== undefined && isWanted(membership) ? [membership] : []
    })
  await walkPartitions(context, { request, decode, onProgress }, output, signal)
}

function decodeMembership(bins: QueryRecord['bins']): BlockMembership | undefined {
  if (bins[BINS.blockIds] === undefined) return undefined
  try {
    const { txid, unminedSince = 0 } = decodeMetadata(bins, ['txid', 'unminedSince'])
    const { blockIds } = decodeMetadata({ [BINS.blockIds]: bins[BINS.blockIds] ?? null }, ['blockIds'])
    return txid === undefined || blockIds === undefined ? undefined : { txid, blockIds, unminedSince }
  } catch {
    return undefined
  }
}
