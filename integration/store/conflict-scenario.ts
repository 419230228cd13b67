import {
  decodeSpendingData,
  type Transaction,
  type Transport,
  txidToHex,
  type UtxoStore,
} from 'aerospike-utxo-store'
import { coinbase, spending } from './sample-transactions.ts'

export const HEIGHT = 500
export const BLOCK = { blockHeight: HEIGHT, blockHash: new Uint8Array(32).fill(7) }

/** Transactions by the name that tests give them. */
export type Cast = Readonly<Record<string, Transaction>>

/**
 * A loser with descendants over three levels, and two winners of which one spends the other:
 *
 *     P1:0, P2:0 → loser → child1, child2 → grandchild (both children), grandchild1 → last
 *     P1:0, P3:0 → winner → winner2 (with P1:1)
 *
 * P2 is spent by nobody afterwards, P1:2 by a bystander before and after. A rival of grandchild1 was conflicting
 * before, and stays so.
 */
export async function conflict(store: UtxoStore): Promise<Cast> {
  const P1 = coinbase({ outputs: 3 })
  const [P2, P3] = [coinbase(), coinbase()]
  const [loser, child1, child2] = family(P1, P2)
  const grandchild = spending([
    { tx: child1, vout: 1 },
    { tx: child2, vout: 0 },
  ])
  const grandchild1 = spending([{ tx: child1, vout: 0 }], { outputs: 2 })
  const last = spending([{ tx: grandchild1, vout: 1 }])
  const bystander = spending([{ tx: P1, vout: 2 }])
  const winner = spending([
    { tx: P1, vout: 0 },
    { tx: P3, vout: 0 },
  ])
  const winner2 = spending([
    { tx: winner, vout: 0 },
    { tx: P1, vout: 1 },
  ])
  await Promise.all([P1, P2, P3].map(tx => store.create(tx, 100)))
  for (const tx of [loser, child1, child2, grandchild, grandchild1, last, bystander])
    await store.spendAndCreate(tx, HEIGHT)
  const rival = spending([{ tx: child1, vout: 0 }])
  for (const tx of [rival, winner, winner2]) await store.create(tx, HEIGHT, { conflicting: true })
  return {
    P1,
    P2,
    P3,
    loser,
    child1,
    child2,
    grandchild,
    grandchild1,
    last,
    bystander,
    rival,
    winner,
    winner2,
  }
}

function family(P1: Transaction, P2: Transaction): [Transaction, Transaction, Transaction] {
  const loser = spending(
    [
      { tx: P1, vout: 0 },
      { tx: P2, vout: 0 },
    ],
    { outputs: 3 },
  )
  return [loser, spending([{ tx: loser, vout: 0 }], { outputs: 2 }), spending([{ tx: loser, vout: 1 }])]
}

export const LOSERS = ['loser', 'child1', 'child2', 'grandchild', 'grandchild1', 'last', 'rival'] as const

const FIELDS = [
  'utxos',
  'conflicting',
  'locked',
  'conflictingChildren',
  'deleteAtHeight',
  'spentUtxos',
] as const

/** Everything that conflict processing may change, with names instead of txids. */
export async function stateOf(store: UtxoStore, cast: Cast): Promise<Record<string, unknown>> {
  const names = new Map(Object.entries(cast).map(([name, tx]) => [txidToHex(tx.txid), name]))
  const nameOf = (txid: Uint8Array): string => names.get(txidToHex(txid)) ?? txidToHex(txid)
  const entries = await Promise.all(
    Object.entries(cast).map(async ([name, tx]) => {
      const record = await store.get(tx.txid, FIELDS)
      return [
        name,
        {
          outputs: record.utxos?.map(slot =>
            slot.state === 'spent' ? nameOf(decodeSpendingData(slot.spendingData).txid) : slot.state,
          ),
          spent: record.spentUtxos,
          conflicting: record.conflicting,
          locked: record.locked,
          deleteAtHeight: record.deleteAtHeight,
          conflictingChildren: record.conflictingChildren?.map(nameOf).sort(),
        },
      ]
    }),
  )
  return Object.fromEntries(entries)
}

/** What comes of `conflict` when the winners have won. */
export const WON = {
  P1: parent(['winner', 'winner2', 'bystander'], 3, ['loser', 'winner', 'winner2']),
  P2: parent(['unspent'], 0, ['loser']),
  P3: parent(['winner'], 1, ['winner']),
  loser: lost(3, ['child1', 'child2']),
  child1: lost(2, ['grandchild', 'grandchild1', 'rival']),
  child2: lost(1, ['grandchild']),
  grandchild: lost(1, []),
  grandchild1: lost(2, ['last']),
  last: lost(1, []),
  rival: lost(1, []),
  bystander: parent(['unspent'], 0, []),
  winner: parent(['winner2'], 1, ['winner2']),
  winner2: parent(['unspent'], 0, []),
}

function parent(outputs: readonly string[], spent: number, conflictingChildren: readonly string[]) {
  return {
    outputs,
    spent,
    conflicting: false,
    locked: false,
    deleteAtHeight: undefined,
    conflictingChildren,
  }
}

function lost(outputs: number, conflictingChildren: readonly string[]) {
  return {
    outputs: new Array(outputs).fill('unspent'),
    spent: 0,
    conflicting: true,
    locked: false,
    deleteAtHeight: HEIGHT + 288,
    conflictingChildren,
  }
}

/** How batch `at` (from 1) goes wrong: it fails unsent, or it is applied and its answer lost. */
export type Loss = 'not sent' | 'answer lost'

/** A transport in which one batch is lost; `forGood`: and every later one, as if the process had died. */
export function losing(
  good: Transport,
  at: number,
  loss: Loss,
  forGood: boolean,
): Transport & { readonly batches: number } {
  let batches = 0
  return {
    get batches() {
      return batches
    },
    async batchOperate(rows, options) {
      batches += 1
      if (batches < at || (batches > at && !forGood)) return good.batchOperate(rows, options)
      if (batches === at && loss === 'answer lost') await good.batchOperate(rows, options)
      throw new Error(`batch ${batches} was lost`)
    },
  }
}
