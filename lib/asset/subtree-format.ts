import { TXID_BYTES } from '../bitcoin/index.ts'

/**
 * The files of a subtree, as Teranode writes them; each begins with a magic of 8 bytes, integers are little-endian:
 *
 *     <root>.subtree         `S-1.0   ` | root(32) | fees u64 | bytes u64 | count u64 | node…  | what does not matter here
 *     <root>.subtreeToCheck  the same with `SC-1.0  `: a subtree whose transactions are not validated yet
 *     <root>.subtreeData     `SD-1.0  ` | the transactions' standard encodings, one after the other
 *     node:                  txid(32) | fee u64 | bytes u64
 *
 * Where the first node is 32 × FF, which stands for the block's coinbase, the data file begins with the second.
 */
export const FILE_MAGIC = {
  subtree: 'S-1.0   ',
  subtreeToCheck: 'SC-1.0  ',
  subtreeData: 'SD-1.0  ',
} as const

export type SubtreeFileType = keyof typeof FILE_MAGIC

export const MAGIC_BYTES = 8
/** What stands before the first node of a subtree. */
export const SUBTREE_HEAD_BYTES = MAGIC_BYTES + TXID_BYTES + 8 + 8 + 8
export const NODE_BYTES = TXID_BYTES + 8 + 8
/** Where in a node its length stands. */
export const NODE_SIZE_OFFSET = TXID_BYTES + 8

export function fileMagic(type: SubtreeFileType): Buffer {
  return Buffer.from(FILE_MAGIC[type], 'latin1')
}

/** Whether a node stands for the coinbase. */
export function isCoinbasePlaceholder(txid: Uint8Array): boolean {
  return txid.every(byte => byte === 0xff)
}
