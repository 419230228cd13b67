import type { Block } from './block.ts'

/** From this block version on, a coinbase begins with its block's height (BIP-34). */
const HEIGHT_IN_COINBASE_VERSION = 2

/** Opcodes for small numbers: OP_0, and OP_1 to OP_16. */
const OP_0 = 0x00
const OP_1 = 0x51
const OP_16 = 0x60

/** A height is a signed number: more than four bytes are no height. */
const HEIGHT_BYTES_MAX = 4

/**
 * The height that a block's coinbase states (BIP-34): the first push of its unlocking script, a little-endian
 * number. Undefined for blocks of version 1, which do not state it, and for anything that is no height.
 */
export function coinbaseHeight(block: Block): number | undefined {
  const [coinbase] = block.transactions
  const script = coinbase?.inputs[0]?.unlockingScript
  const first = script?.[0]
  if (coinbase?.isCoinbase !== true || script === undefined || first === undefined) return undefined
  if (block.header.version < HEIGHT_IN_COINBASE_VERSION) return undefined
  if (first === OP_0) return 0
  if (first >= OP_1 && first <= OP_16) return first - OP_1 + 1
  if (first > HEIGHT_BYTES_MAX || script.length < 1 + first) return undefined
  const push = Buffer.from(script.buffer, script.byteOffset + 1, first)
  const height = push.readIntLE(0, first)
  return height >= 0 ? height : undefined
}
