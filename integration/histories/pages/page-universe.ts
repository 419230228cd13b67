import { type Transaction, txidToHex } from 'aerospike-utxo-store'
import type { Random } from '../random.ts'
import { coinbase, type Output, type Parent, type Spender, spending } from '../universe.ts'

/** A transaction of the epoch that is stored: with its inputs, where it has some. */
export interface StoredTransaction extends Parent {
  /** Undefined for a coinbase. */
  readonly spender: Spender | undefined
  /** Each spends one of its outputs alone: in the end nothing is left to spend. */
  readonly singles: readonly Spender[]
  /** Only these are ever preserved; the others are pruned as soon as they are due. */
  readonly mayBePreserved: boolean
}

/** Parents of several pages, and children that spend outputs of one or two of them and are stored, too. */
export interface PageUniverse {
  readonly parents: readonly StoredTransaction[]
  readonly children: readonly StoredTransaction[]
}

const PARENT_OUTPUTS = { least: 3, most: 9 }
const CHILD_OUTPUTS_MAX = 5
const CHILDREN_PER_PARENT = 2
const PRESERVED_SHARE = 0.4
const UNSPENT_SHARE = 0.2

export function createPageUniverse(random: Random, parentCount: number): PageUniverse {
  const parents = Array.from({ length: parentCount }, () =>
    stored(
      random,
      coinbase(random, PARENT_OUTPUTS.least + random.below(PARENT_OUTPUTS.most - PARENT_OUTPUTS.least + 1)),
    ),
  )
  const children = parents.flatMap((parent, index) => {
    const neighbour = parents[index + 1] ?? parent
    return Array.from({ length: CHILDREN_PER_PARENT }, () => {
      const inputs = new Set<string>()
      const outputs = [parent, random.chance(0.5) ? parent : neighbour].flatMap(({ tx }): Output[] => {
        const output = { parent: tx, vout: random.below(tx.outputs.length) }
        const id = `${txidToHex(tx.txid)}:${output.vout}`
        if (inputs.has(id)) return []
        inputs.add(id)
        return [output]
      })
      const spender = spenderOf(random, outputs, 1 + random.below(CHILD_OUTPUTS_MAX), false)
      return stored(random, spender.tx, spender)
    })
  })
  return { parents, children }
}

function stored(random: Random, tx: Transaction, spender?: Spender): StoredTransaction {
  return {
    tx,
    hex: txidToHex(tx.txid),
    mayBeDeleted: false,
    spender,
    singles: tx.outputs.map((_, vout) =>
      spenderOf(random, [{ parent: tx, vout }], 1, random.chance(UNSPENT_SHARE)),
    ),
    mayBePreserved: random.chance(PRESERVED_SHARE),
  }
}

function spenderOf(
  random: Random,
  inputs: readonly Output[],
  outputs: number,
  mayBeUnspent: boolean,
): Spender {
  const tx = spending(random, inputs, outputs)
  return { tx, hex: txidToHex(tx.txid), inputs, mayBeUnspent }
}
