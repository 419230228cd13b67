import type { Bins, Transaction } from 'aerospike-utxo-store'
import { type Slot, slot } from '../histories/final-state.ts'
import type { RecordAccess } from '../store/record-access.ts'

/** Outputs in a record. */
export const RECORD_OUTPUTS = 2
/** Number of the record that says that a transaction is being created. */
export const CREATION_LOCK = 0xffff_fffe

/** A record as it lies in the server, master or page. */
export interface RecordState {
  readonly slots: readonly (Slot | undefined)[]
  readonly spentUtxos: number
  readonly recordUtxos: number
  /** How often outputs of it were given to another owner: each counts as one more that is never spent. */
  readonly reassignments: number
  readonly creating: boolean
  readonly locked: boolean
  readonly lastSpentState: string | undefined
  /** Undefined also where a page holds the value for none. */
  readonly deleteAtHeight: number | undefined
}

export interface MasterState extends RecordState {
  readonly conflicting: boolean
  readonly isMined: boolean
  readonly preserveUntil: number | undefined
  readonly spentPages: number
}

export interface TransactionState {
  readonly master: MasterState | undefined
  /** Those that it should have. */
  readonly pages: readonly (RecordState | undefined)[]
  readonly hasCreationLock: boolean
  /** By output: `open`, `frozen`, the name of who holds it with its input as in `X:0`, `none`, or `gone` with its record. */
  readonly outputs: readonly string[]
}

const NO_HEIGHT = 0xffff_ffff

export async function readState(
  records: RecordAccess,
  { txid, outputs }: Transaction,
  nameOf: (hex: string) => string,
): Promise<TransactionState> {
  const count = Math.ceil(outputs.length / RECORD_OUTPUTS)
  const [lock, ...bins] = await Promise.all([
    records.read(txid, CREATION_LOCK),
    ...Array.from({ length: count }, (_, page) => records.read(txid, page)),
  ])
  const states = bins.map(each => (each === undefined ? undefined : recordState(each)))
  const [master] = bins
  return {
    master: master === undefined ? undefined : masterState(master),
    pages: states.slice(1),
    hasCreationLock: lock !== undefined,
    outputs: outputs.map((_, vout) => {
      const record = states[Math.floor(vout / RECORD_OUTPUTS)]
      if (record === undefined) return 'gone'
      const held = record.slots[vout % RECORD_OUTPUTS]
      if (held === undefined) return 'none'
      if (typeof held === 'string') return held === 'unspent' ? 'open' : held
      return `${nameOf(held.spender)}:${held.vin}`
    }),
  }
}

function recordState(bins: Bins): RecordState {
  const height = bins.deleteAtHeight as number | undefined
  return {
    slots:
      (bins.utxos as (Uint8Array | null)[] | undefined)?.map(each =>
        each === null ? undefined : slot(each),
      ) ?? [],
    spentUtxos: Number(bins.spentUtxos),
    recordUtxos: Number(bins.recordUtxos),
    reassignments: ((bins.reassignments as unknown[] | undefined) ?? []).length,
    creating: bins.creating !== undefined,
    locked: bins.locked === true,
    lastSpentState: bins.lastSpentState as string | undefined,
    deleteAtHeight: height === NO_HEIGHT ? undefined : height,
  }
}

function masterState(bins: Bins): MasterState {
  const blocks = (bins.blockIDs as readonly number[] | undefined) ?? []
  return {
    ...recordState(bins),
    conflicting: bins.conflicting === true,
    isMined: blocks.length > 0 && bins.unminedSince === undefined,
    preserveUntil: bins.preserveUntil as number | undefined,
    spentPages: Number(bins.spentExtraRecs ?? 0),
  }
}
