import {
  encodeTransaction,
  extendTransaction,
  parseTransaction,
  type Transaction,
  txidToHex,
} from 'aerospike-utxo-store'
import type { Random } from './random.ts'

/** One output that transactions of the universe may compete for. */
export interface Output {
  readonly parent: Transaction
  readonly vout: number
}

/** `display-hex txid:vout` */
export function outpointOf({ parent, vout }: Output): string {
  return `${txidToHex(parent.txid)}:${vout}`
}

/** A transaction that spends outputs, rivals of others. */
export interface Spender {
  readonly tx: Transaction
  readonly hex: string
  readonly inputs: readonly Output[]
  /**
   * Spends of it are undone by explicit calls, too. Of the others an acknowledged spend has to stay for ever,
   * which is the sharper check.
   */
  readonly mayBeUnspent: boolean
}

export interface Parent {
  readonly tx: Transaction
  readonly hex: string
  /** Deleted by explicit calls, too; nothing but its absence or presence is checked then. */
  readonly mayBeDeleted: boolean
}

/** The transactions of one epoch: parents with a few outputs, and spenders that compete for them. */
export interface Universe {
  readonly parents: readonly Parent[]
  readonly spenders: readonly Spender[]
}

const LOCKING_SCRIPT = Uint8Array.of(0x51)
const OUTPUTS_MAX = 4
const INPUTS_MAX = 3
const DELETED_SHARE = 0.1
const UNSPENT_SHARE = 0.3

export function createUniverse(random: Random, parentCount: number, spenderCount: number): Universe {
  const parents = Array.from({ length: parentCount }, (): Parent => {
    const tx = coinbase(random, 1 + random.below(OUTPUTS_MAX))
    return { tx, hex: txidToHex(tx.txid), mayBeDeleted: random.chance(DELETED_SHARE) }
  })
  const outputs = parents.flatMap(({ tx }) => tx.outputs.map((_, vout): Output => ({ parent: tx, vout })))
  const spenders = Array.from({ length: spenderCount }, (): Spender => {
    const inputs = distinct(Array.from({ length: 1 + random.below(INPUTS_MAX) }, () => random.pick(outputs)))
    const tx = spending(random, inputs)
    return { tx, hex: txidToHex(tx.txid), inputs, mayBeUnspent: random.chance(UNSPENT_SHARE) }
  })
  return { parents, spenders }
}

function distinct(outputs: readonly Output[]): Output[] {
  return [...new Set(outputs)]
}

/** A coinbase transaction of its own. */
export function coinbase(random: Random, outputs: number): Transaction {
  return parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: [
        {
          previousTxid: new Uint8Array(32),
          previousVout: 0xffffffff,
          unlockingScript: random.bytes(16),
          sequence: 0xffffffff,
          previousSatoshis: undefined,
          previousLockingScript: undefined,
        },
      ],
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 5_000n, lockingScript: LOCKING_SCRIPT })),
    }),
  )
}

/** A transaction that spends outputs, extended with what it spends. */
export function spending(random: Random, inputs: readonly Output[], outputs = 1): Transaction {
  const plain = parseTransaction(
    encodeTransaction({
      version: 1,
      locktime: 0,
      inputs: inputs.map(({ parent, vout }) => ({
        previousTxid: parent.txid,
        previousVout: vout,
        unlockingScript: random.bytes(8),
        sequence: 0xffffffff,
        previousSatoshis: undefined,
        previousLockingScript: undefined,
      })),
      outputs: Array.from({ length: outputs }, () => ({ satoshis: 1_000n, lockingScript: LOCKING_SCRIPT })),
    }),
  )
  return extendTransaction(
    plain,
    inputs.map(({ parent, vout }) => {
      const output = parent.outputs[vout]
      if (output === undefined) throw new RangeError(`no output ${vout}`)
      return output
    }),
  )
}
