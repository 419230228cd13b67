import type { MinedInfo, Transaction } from 'aerospike-utxo-store'
import type { Script } from '../schedule.ts'
import { spendsOf, TIP } from '../stage.ts'

/** What single stores do. */

export const spend =
  (name: string, tx: Transaction, height = TIP): Script =>
  (store, call) =>
    call(`spend ${name}`, store.spend(tx, height))

export const spendAndCreate =
  (name: string, tx: Transaction): Script =>
  (store, call) =>
    call(`spendAndCreate ${name}`, store.spendAndCreate(tx, TIP))

/** Gives back the inputs of a transaction, or one of them. */
export const unspend =
  (name: string, tx: Transaction, vin?: number): Script =>
  (store, call) =>
    call(
      `unspend ${name}`,
      store.unspend(vin === undefined ? spendsOf(tx) : spendsOf(tx).slice(vin, vin + 1)),
    )

const LONGEST = { blockId: 7, blockHeight: TIP - 3, subtreeIdx: 0, onLongestChain: true }

/** By the block that `MINED` names, on the longest chain, unless told otherwise. */
export const setMined =
  (tx: Transaction, info: Partial<MinedInfo> = {}): Script =>
  (store, call) =>
    call('setMinedMulti', store.setMinedMulti([tx.txid], { ...LONGEST, ...info }))
