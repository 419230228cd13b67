import { readFile } from 'node:fs/promises'
import { messageOf } from '../../errors/index.ts'
import { type Block, parseBlock, readBlockFile } from '../../index.ts'
import { UsageError } from '../failure.ts'

/** Reads the blocks of one file: a raw block, a hex file of one, or a blk*.dat. */
export async function readBlocks(path: string): Promise<Block[]> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${messageOf(error)}.`)
  }
  return [...readBlockFile(bytes)].map(parseBlock)
}
