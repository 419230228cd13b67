import { InvalidArgumentError } from '../../../errors/index.ts'
import type { MinedBlockInfo, RecordOptions } from '../../../record/index.ts'
import { checkBoolean, checkHeight, checkUint32 } from '../../arguments.ts'
import type { StoreContext } from '../../context/store-context.ts'

export interface CreateOptions {
  /** Blocks that hold the transaction already. */
  minedBlockInfos?: readonly MinedBlockInfo[] | undefined
  /** Overrides what the inputs say. */
  isCoinbase?: boolean | undefined
  /** Writes every output frozen by policy. */
  frozen?: boolean | undefined
  /** Refuses spends of the outputs until the lock is lifted. */
  locked?: boolean | undefined
  /**
   * Stores it as one that lost an output to another: its outputs cannot be spent, it is entered in the lists of
   * its parents, and pruned after the retention.
   */
  conflicting?: boolean | undefined
  /** Accepts a transaction whose inputs do not carry what they spend; its fee is stored as 0. */
  skipExtendedInputs?: boolean | undefined
}

const NO_BLOCKS: readonly MinedBlockInfo[] = []

/** Checks the options of a creation and adds what settings and clock say. */
export function checkRecordOptions(
  context: StoreContext,
  blockHeight: number,
  options: CreateOptions,
  { creating, external }: Pick<RecordOptions, 'creating' | 'external'>,
): RecordOptions {
  checkHeight('blockHeight', blockHeight)
  const { minedBlockInfos = [], frozen = false, locked = false, conflicting = false } = options
  if (!Array.isArray(minedBlockInfos))
    throw new InvalidArgumentError('minedBlockInfos', 'an array', minedBlockInfos)
  checkBoolean('frozen', frozen)
  checkBoolean('locked', locked)
  checkBoolean('conflicting', conflicting)
  const { coinbaseMaturity, genesisActivationHeight, utxoBatchSize } = context.settings
  return {
    blockHeight,
    minedBlockInfos: minedBlockInfos.length === 0 ? NO_BLOCKS : Array.from(minedBlockInfos, checkedBlock),
    frozen,
    locked,
    conflicting,
    creating,
    external,
    coinbaseMaturity,
    genesisActivationHeight,
    retention: context.retention,
    utxoBatchSize,
    nowMs: Date.now(),
  }
}

/** A copy: the record is built when it is sent, and the caller may use its list again meanwhile. */
function checkedBlock(info: MinedBlockInfo, index: number): MinedBlockInfo {
  if (typeof info !== 'object' || info === null)
    throw new InvalidArgumentError(`minedBlockInfos[${index}]`, 'blockId, blockHeight and subtreeIdx', info)
  const { blockId, blockHeight, subtreeIdx } = info
  checkUint32(`minedBlockInfos[${index}].blockId`, blockId)
  checkHeight(`minedBlockInfos[${index}].blockHeight`, blockHeight)
  checkUint32(`minedBlockInfos[${index}].subtreeIdx`, subtreeIdx)
  return { blockId, blockHeight, subtreeIdx }
}
