import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeTransaction, type Transaction, txidToHex } from 'aerospike-utxo-store'

export interface Subtree {
  /** Display hex. */
  readonly root: string
  /** Makes what its data file holds, without the magic. */
  data(): Buffer
}

/** A folder of subtrees, which goes with the test. */
export class SubtreeFixture implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async create(): Promise<SubtreeFixture> {
    return new SubtreeFixture(await mkdtemp(join(tmpdir(), 'subtrees-')))
  }

  /** Writes the list of a subtree; the first subtree of a block begins with the place of its coinbase. */
  async add(txs: readonly Transaction[], { isFirst = false } = {}): Promise<Subtree> {
    const root = randomBytes(32)
    const nodes = txs.map(({ txid, sizeBytes }) => node(txid, sizeBytes))
    if (isFirst) nodes.unshift(node(new Uint8Array(32).fill(0xff), 0))
    const head = [Buffer.from('S-1.0   '), root, uint64(0), uint64(0), uint64(nodes.length)]
    const name = txidToHex(root)
    await writeFile(join(this.path, `${name}.subtree`), Buffer.concat([...head, ...nodes, uint64(0)]))
    return { root: name, data: () => Buffer.concat(txs.map(tx => encodeTransaction(tx))) }
  }

  /** Writes the data file of a subtree, as a service has left it. */
  async publish({ root, data }: Subtree): Promise<void> {
    const path = join(this.path, `${root}.subtreeData`)
    await writeFile(path, Buffer.concat([Buffer.from('SD-1.0  '), data()]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

function node(txid: Uint8Array, sizeBytes: number): Buffer {
  return Buffer.concat([txid, uint64(0), uint64(sizeBytes)])
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
