import {
  decodeSpendingData,
  encodeSpendingData,
  StoreError,
  txidToHex,
  type UtxoStore,
  utxoHash,
} from 'aerospike-utxo-store'
import type { Action, Seen } from './history.ts'
import { type Output, outpointOf, type Parent, type Spender } from './universe.ts'

/** A call that is ready to be made, with what the history notes of it. */
export interface PlannedCall {
  readonly action: Action
  run(store: UtxoStore, signal: AbortSignal | undefined): Promise<Seen>
}

const CREATION_HEIGHT = 100

function planned(
  action: Action,
  work: (store: UtxoStore, options: { signal: AbortSignal | undefined }) => Promise<unknown>,
): PlannedCall {
  return {
    action,
    run: async (store, signal) => {
      await work(store, { signal })
      return undefined
    },
  }
}

export function createCall({ tx, hex }: Pick<Parent, 'tx' | 'hex'>, locked: boolean): PlannedCall {
  return planned({ name: 'create', txid: hex, locked }, (store, options) =>
    store.create(tx, CREATION_HEIGHT, { ...options, locked }),
  )
}

export function deleteCall({ tx, hex }: Parent): PlannedCall {
  return planned({ name: 'delete', txid: hex }, (store, options) => store.delete(tx.txid, options))
}

export function spendCall({ tx, hex, inputs }: Spender, height: number): PlannedCall {
  return planned({ name: 'spend', txid: hex, outpoints: inputs.map(outpointOf) }, (store, options) =>
    store.spend(tx, height, options),
  )
}

export function unspendCall({ tx, hex, inputs }: Spender): PlannedCall {
  const spends = inputs.map((input, vin) => ({
    txid: input.parent.txid,
    vout: input.vout,
    utxoHash: hashOf(input),
    spendingData: encodeSpendingData({ txid: tx.txid, vin }),
  }))
  return planned({ name: 'unspend', txid: hex, outpoints: inputs.map(outpointOf) }, (store, options) =>
    store.unspend(spends, options),
  )
}

export function lockCall({ tx, hex }: Parent, value: boolean): PlannedCall {
  return planned({ name: 'setLocked', txid: hex, value }, (store, options) =>
    store.setLocked([tx.txid], value, options),
  )
}

export function minedCall({ tx, hex }: Parent, blockId: number, height: number, unset: boolean): PlannedCall {
  return planned({ name: 'setMined', txid: hex, blockId, unset }, (store, options) =>
    store.setMinedMulti(
      [tx.txid],
      { blockId, blockHeight: height, subtreeIdx: 0, onLongestChain: true, unsetMined: unset },
      options,
    ),
  )
}

export function conflictCall({ tx, hex }: Parent, value: boolean): PlannedCall {
  return planned({ name: 'setConflicting', txid: hex, value }, (store, options) =>
    store.setConflicting([tx.txid], value, options),
  )
}

/** Ok only where it was preserved: then it is there, and stays. */
export function preserveCall({ tx, hex }: Parent, height: number): PlannedCall {
  return planned({ name: 'preserve', txid: hex }, async (store, options) => {
    const { preserved } = await store.preserveTransactions([tx.txid], height, options)
    if (preserved !== 1) throw new StoreError('TX_NOT_FOUND', 'it was not at risk, or is not there')
  })
}

export function freezeCall(output: Output, value: boolean): PlannedCall {
  const { txid } = output.parent
  const target = [{ txid, vout: output.vout, utxoHash: hashOf(output) }]
  const action = { name: 'freeze', txid: txidToHex(txid), outpoint: outpointOf(output), value } as const
  return planned(action, (store, options) =>
    value ? store.freezeUtxos(target, options) : store.unfreezeUtxos(target, options),
  )
}

export function getCall({ tx, hex }: Parent): PlannedCall {
  return {
    action: { name: 'get', txid: hex },
    run: async (store, signal) => {
      const { utxos } = await store.get(tx.txid, ['utxos'], { signal })
      return {
        spenders:
          utxos?.map(slot =>
            slot.state === 'spent' ? txidToHex(decodeSpendingData(slot.spendingData).txid) : undefined,
          ) ?? [],
        states: utxos?.map(({ state }) => state) ?? [],
      }
    },
  }
}

function hashOf({ parent, vout }: Output): Uint8Array {
  const output = parent.outputs[vout]
  if (output === undefined) throw new RangeError(`no output ${vout}`)
  return utxoHash(parent.txid, vout, output.lockingScript, output.satoshis)
}
