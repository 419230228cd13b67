import { PARTITION_COUNT, ProtocolError } from '../../protocol/index.ts'

const BITMAP_BYTES = PARTITION_COUNT / 8
/** More copies than any namespace can be configured to have. */
const COPIES_MAX = 256

/** What a node says of a namespace in `replicas` (protocol 2.4). */
export interface OwnedPartitions {
  /** 0 in a namespace that prefers availability; grows with each change of owner in one that prefers consistency. */
  readonly regime: number
  /** For each copy of the partitions, the master first, a bit for each partition that the node has as this copy. */
  readonly bitmaps: readonly Buffer[]
}

/**
 * The part of an answer to `replicas` that is about one namespace; undefined where the node has none of that name.
 *
 * @throws ProtocolError
 */
export function parseReplicas(answer: string, namespace: string): OwnedPartitions | undefined {
  const part = answer.split(';').find(text => text.startsWith(`${namespace}:`))
  if (part === undefined) return undefined
  const [regime = '', count = '', ...texts] = part.slice(namespace.length + 1).split(',')
  if (!/^\d{1,10}$/.test(regime) || Number(count) !== texts.length || texts.length > COPIES_MAX)
    throw new ProtocolError(`replicas of ${namespace} that cannot be read`)
  const bitmaps = texts.map(text => Buffer.from(text, 'base64'))
  if (bitmaps.some(({ length }) => length !== BITMAP_BYTES))
    throw new ProtocolError(`replicas of ${namespace} with a bitmap of a wrong size`)
  return { regime: Number(regime), bitmaps }
}

/** Which node has which copy of each partition, as the nodes last said. */
export class PartitionMap<Node> {
  readonly #owners: (Node | undefined)[][] = []
  readonly #regimes = new Array<number>(PARTITION_COUNT).fill(0)

  /**
   * What a node claims replaces what was known. What it no longer claims stays until another node claims it: a
   * node that has handed a partition over passes requests on to its new owner.
   */
  update(node: Node, { regime, bitmaps }: OwnedPartitions): void {
    for (const [copy, bitmap] of bitmaps.entries()) {
      this.#owners[copy] ??= new Array<Node | undefined>(PARTITION_COUNT).fill(undefined)
      const owners = this.#owners[copy]
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        const isOwner = ((bitmap[partition >> 3] ?? 0) & (0x80 >> (partition & 7))) !== 0
        if (!isOwner || regime < (this.#regimes[partition] ?? 0)) continue
        owners[partition] = node
        this.#regimes[partition] = regime
      }
    }
  }

  remove(node: Node): void {
    for (const owners of this.#owners)
      for (const [partition, owner] of owners.entries()) if (owner === node) owners[partition] = undefined
  }

  /** The node with a copy of the partition: of the master for attempt 0, of the next copy for each further one. */
  owner(partition: number, attempt: number): Node | undefined {
    const copies = this.#owners.length
    for (let step = 0; step < copies; step++) {
      const owner = this.#owners[(attempt + step) % copies]?.[partition]
      if (owner !== undefined) return owner
    }
    return undefined
  }
}
