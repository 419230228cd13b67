import { readdirSync } from 'node:fs'
import { type Bins, type RecordKey, type Transaction, type Transport, txidToHex } from 'aerospike-utxo-store'
import { type Slot, slot } from '../final-state.ts'

/** A record of a transaction as it lies in the server, master or page. */
export interface FinalPage {
  /** Undefined for a record that is none of a transaction: what an update made of nothing. */
  readonly slots: readonly Slot[] | undefined
  readonly creating: boolean
  readonly spentUtxos: number
  readonly recordUtxos: number
  readonly deletedChildren: readonly string[]
}

export interface FinalMaster extends FinalPage {
  readonly pages: number
  readonly spentPages: number
  readonly isExternal: boolean
  readonly conflicting: boolean
  readonly isUnmined: boolean
  readonly deleteAtHeight: number | undefined
}

export interface FinalTransaction {
  readonly master: FinalMaster | undefined
  /** Those that a transaction with so many outputs has, missing ones included. */
  readonly pages: readonly (FinalPage | undefined)[]
  readonly isLocked: boolean
  /** Files of its body in the external store. */
  readonly bodies: number
}

export const UTXO_BATCH_SIZE = 2
const LOCK_NUMBER = 0xffff_fffe
const READ_MS = 10_000
const ROWS_MAX = 1_000

export interface RecordPlace {
  readonly transport: Transport
  readonly set: string
  /** Folder of the external store. */
  readonly folder: string
}

/** Reads every record that the transactions may have, past everything that the store does; by display-hex txid. */
export async function readTransactions(
  place: RecordPlace,
  transactions: readonly Transaction[],
): Promise<Map<string, FinalTransaction>> {
  const names = readdirSync(place.folder, { recursive: true, encoding: 'utf8' })
  const wanted = transactions.flatMap(tx => {
    const pages = Math.ceil(tx.outputs.length / UTXO_BATCH_SIZE) - 1
    const numbers = [0, LOCK_NUMBER, ...Array.from({ length: pages }, (_, index) => index + 1)]
    return numbers.map(number => ({
      hex: txidToHex(tx.txid),
      number,
      key: keyOf(place.set, tx.txid, number),
    }))
  })
  const bins = new Map<string, Bins | undefined>()
  for (let begin = 0; begin < wanted.length; begin += ROWS_MAX) {
    const part = wanted.slice(begin, begin + ROWS_MAX)
    const rows = part.map(({ key }) => ({ kind: 'read', key, bins: 'all' }) as const)
    for (const answer of await place.transport.batchOperate(rows, { timeout: READ_MS })) {
      const entry = part[answer.index]
      if (entry === undefined || (answer.status !== 0 && answer.status !== 2))
        throw new Error(`final read: status ${answer.status}`)
      bins.set(`${entry.hex} ${entry.number}`, answer.status === 0 ? answer.bins : undefined)
    }
  }
  return new Map(
    transactions.map(tx => {
      const hex = txidToHex(tx.txid)
      const record = (number: number): Bins | undefined => bins.get(`${hex} ${number}`)
      const master = record(0)
      const pages = Array.from({ length: Math.ceil(tx.outputs.length / UTXO_BATCH_SIZE) - 1 }, (_, index) => {
        const page = record(index + 1)
        return page === undefined ? undefined : pageOf(page)
      })
      return [
        hex,
        {
          master: master === undefined ? undefined : masterOf(master),
          pages,
          isLocked: record(LOCK_NUMBER) !== undefined,
          bodies: names.filter(name => name.includes(hex) && !name.includes('.tmp')).length,
        },
      ]
    }),
  )
}

export function keyOf(set: string, txid: Uint8Array, number: number): RecordKey {
  const suffix = Buffer.alloc(4)
  suffix.writeUInt32LE(number)
  return { set, userKey: number === 0 ? txid : Buffer.concat([txid, suffix]) }
}

function pageOf(bins: Bins): FinalPage {
  return {
    slots: (bins.utxos as Uint8Array[] | undefined)?.map(slot),
    creating: bins.creating !== undefined,
    spentUtxos: Number(bins.spentUtxos),
    recordUtxos: Number(bins.recordUtxos),
    deletedChildren: Object.keys((bins.deletedChildren as object | undefined) ?? {}),
  }
}

function masterOf(bins: Bins): FinalMaster {
  return {
    ...pageOf(bins),
    pages: Number(bins.totalExtraRecs ?? 0),
    spentPages: Number(bins.spentExtraRecs ?? 0),
    isExternal: bins.external === true,
    conflicting: bins.conflicting === true,
    isUnmined: bins.unminedSince !== undefined,
    deleteAtHeight: bins.deleteAtHeight as number | undefined,
  }
}
