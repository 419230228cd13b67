import { randomFillSync } from 'node:crypto'
import { parseTransaction, type Transaction } from '../../index.ts'

/**
 * The transactions of one round, parsed, each of one input and two outputs, and made when they are first asked for, so
 * that nothing is held that an operation does not need. Txids of transactions are not hashed yet, so that the hash
 * counts where the store needs it. Spenders spend output 0 of the parent at their place.
 */
export interface RoundTransactions {
  /** Extended transactions. */
  readonly parents: readonly Transaction[]
  /** The parents' txids. */
  readonly txids: readonly Uint8Array[]
  /** Extended, so that they can be spent at once. */
  readonly spenders: readonly Transaction[]
  /** The same transactions without what they spend. */
  readonly undecoratedSpenders: readonly Transaction[]
  /** They spend output 1 of the parent at their place, and are without it, as a block holds them. */
  readonly blockTransactions: readonly Transaction[]
  /** Txids of all that may have been stored: the parents', and those of a block where there is one. */
  storedTxids(): readonly Uint8Array[]
}

/** Makes the transactions of one round, each with a txid that no other has. */
export function roundTransactions(count: number): RoundTransactions {
  const unlockingScripts = (): Uint8Array => randomFillSync(new Uint8Array(count * UNLOCKING_SCRIPT_BYTES))
  const parentScripts = unlockingScripts()
  const encodedParents = encoded(parentScripts, () => FUNDING_OUTPOINT)
  const parents = lazy(() => encodedParents('extended').map(parseTransaction))
  const txids = lazy(() => encodedParents('standard').map(bytes => parseTransaction(bytes).txid))
  const spending = (vout: number): Encoded => {
    const outpoints = txids().map(txid => outpoint(txid, vout))
    return encoded(unlockingScripts(), index => outpoints[index] ?? FUNDING_OUTPOINT)
  }
  const encodedSpenders = lazy(() => spending(0))
  const spenders = lazy(() => encodedSpenders()('extended').map(parseTransaction))
  const undecorated = lazy(() => encodedSpenders()('standard').map(parseTransaction))
  let hasBlock = false
  const blockTransactions = lazy(() => {
    hasBlock = true
    return spending(1)('standard').map(parseTransaction)
  })
  return {
    get parents() {
      return parents()
    },
    get txids() {
      return txids()
    },
    get spenders() {
      return spenders()
    },
    get undecoratedSpenders() {
      return undecorated()
    },
    get blockTransactions() {
      return blockTransactions()
    },
    storedTxids: () => (hasBlock ? [...txids(), ...blockTransactions().map(({ txid }) => txid)] : txids()),
  }
}

/** A signature and a public key. */
const UNLOCKING_SCRIPT_BYTES = 107
/** Pay-to-public-key-hash, the usual locking script, which all outputs have, and 1,000 satoshis. */
const OUTPUT = Buffer.from(`e803000000000000${'19'}76a914${'00'.repeat(20)}88ac`, 'hex')
const VERSION = Buffer.from('01000000', 'hex')
const EXTENDED_MARKER = Buffer.from('0000000000ef', 'hex')
const ONE_INPUT = Buffer.from('01', 'hex')
const SCRIPT_LENGTH = Buffer.from([UNLOCKING_SCRIPT_BYTES])
const SEQUENCE = Buffer.from('ffffffff', 'hex')
const TWO_OUTPUTS = Buffer.concat([Buffer.from('02', 'hex'), OUTPUT, OUTPUT])
const LOCKTIME = Buffer.alloc(4)
const NOTHING = Buffer.alloc(0)

/** What all parents spend; nobody stores it. */
const FUNDING_OUTPOINT = outpoint(new Uint8Array(32).fill(0x11), 0)

function outpoint(txid: Uint8Array, vout: number): Uint8Array {
  return Uint8Array.of(...txid, vout, 0, 0, 0)
}

/** Each transaction's bytes, in one of the two formats. */
type Encoded = (format: 'standard' | 'extended') => Uint8Array[]

/** All transactions of a kind differ in their outpoint and their unlocking script only; one buffer holds them. */
function encoded(unlockingScripts: Uint8Array, outpointOf: (index: number) => Uint8Array): Encoded {
  const count = unlockingScripts.length / UNLOCKING_SCRIPT_BYTES
  return format => {
    const isExtended = format === 'extended'
    const head = Buffer.concat([VERSION, isExtended ? EXTENDED_MARKER : NOTHING, ONE_INPUT])
    const tail = Buffer.concat([SEQUENCE, isExtended ? OUTPUT : NOTHING, TWO_OUTPUTS, LOCKTIME])
    const parts = (index: number): Uint8Array[] => {
      const from = index * UNLOCKING_SCRIPT_BYTES
      const script = unlockingScripts.subarray(from, from + UNLOCKING_SCRIPT_BYTES)
      return [head, outpointOf(index), SCRIPT_LENGTH, script, tail]
    }
    const sizeBytes = parts(0).reduce((sum, { length }) => sum + length, 0)
    const all = new Uint8Array(count * sizeBytes)
    let offset = 0
    return Array.from({ length: count }, (_, index) => {
      const start = offset
      for (const part of parts(index)) {
        all.set(part, offset)
        offset += part.length
      }
      return all.subarray(start, offset)
    })
  }
}

function lazy<Value extends object>(make: () => Value): () => Value {
  let made: Value | undefined
  return () => {
    made ??= make()
    return made
  }
}
