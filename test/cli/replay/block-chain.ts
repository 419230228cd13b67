import {
  encodeTransaction,
  merkleRoot,
  parseBlock,
  type Transaction,
  type TransactionOutput,
} from '../../../lib/bitcoin/index.ts'

const MAGIC = Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9)
const OUTPUT: TransactionOutput = { satoshis: 1n, lockingScript: Uint8Array.of(0x51) }

/** A block of version 2 whose coinbase tells its height; `mark` makes blocks of one height differ. */
export function madeBlock({
  height,
  previous = new Uint8Array(32),
  mark = 0,
  version = 2,
}: {
  height: number
  previous?: Uint8Array
  mark?: number
  version?: number
}): { bytes: Buffer; hash: Uint8Array } {
  const heightBytes = Buffer.alloc(4)
  heightBytes.writeInt32LE(height)
  const unlockingScript = Uint8Array.of(4, ...heightBytes, mark)
  const input = {
    previousTxid: new Uint8Array(32),
    previousVout: 0xffffffff,
    unlockingScript,
    sequence: 0,
    previousSatoshis: undefined,
    previousLockingScript: undefined,
  }
  return blockOf(
    [encodeTransaction({ version: 1, locktime: 0, inputs: [input], outputs: [OUTPUT] })],
    previous,
    version,
  )
}

function blockOf(
  transactions: readonly Uint8Array[],
  previous: Uint8Array,
  version: number,
): { bytes: Buffer; hash: Uint8Array } {
  const header = Buffer.alloc(80)
  header.writeUInt32LE(version)
  header.set(previous, 4)
  header.writeUInt32LE(1_700_000_000, 68)
  const body = Buffer.concat([Uint8Array.of(transactions.length), ...transactions])
  const txids = parseBlock(Buffer.concat([header, body])).transactions.map((tx: Transaction) => tx.txid)
  header.set(merkleRoot(txids), 36)
  const bytes = Buffer.concat([header, body])
  return { bytes, hash: parseBlock(bytes).hash }
}

/** Blocks of heights that follow one another. */
export function madeChain(
  heights: readonly number[],
  { previous, mark = 0 }: { previous?: Uint8Array; mark?: number } = {},
): { bytes: Buffer; hash: Uint8Array }[] {
  let last = previous
  return heights.map(height => {
    const block = madeBlock({ height, mark, ...(last === undefined ? {} : { previous: last }) })
    last = block.hash
    return block
  })
}

/** A blk*.dat. */
export function blockFile(blocks: readonly { bytes: Uint8Array }[]): Buffer {
  return Buffer.concat(
    blocks.flatMap(({ bytes }) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.byteLength)
      return [MAGIC, length, bytes]
    }),
  )
}
