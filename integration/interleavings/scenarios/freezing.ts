import type { Transaction } from 'aerospike-utxo-store'
import type { Outcome } from '../rules.ts'
import type { Preparation } from '../scenario.ts'
import type { CallEnd, Script } from '../schedule.ts'
import { outputTarget, type Stage, spendsOf, TIP } from '../stage.ts'
import { setMined, spendAndCreate } from './scripts.ts'

const NEW_HASH = 5

async function refusedNow(stage: Stage, tx: Transaction): Promise<string[]> {
  return stage.observer.spend(tx, TIP).then(
    () => ['an output that is frozen can be spent'],
    () => [],
  )
}

function ended({ played: { ends } }: Outcome, name: string): CallEnd | undefined {
  return ends.find(end => end.name === name && end.isHeard && end.error === undefined)
}

const LOCK_CHANGES: Readonly<Record<string, (T: Transaction) => Script>> = {
  'another store unlocks it': T => (store, call) => call('unlock', store.setLocked([T.txid], false)),
  'it is mined': T => setMined(T, { blockId: 9 }),
}

export const FREEZING: Readonly<Record<string, Preparation>> = {
  'an output is frozen while two stores spend it, and one gives it back': async stage => {
    const P = await stage.parent('P', 4)
    const X = stage.spending('X', [
      [P, 2],
      [P, 0],
    ])
    const Y = stage.spending('Y', [[P, 2]])
    const Z = stage.spending('Z', [[P, 2]])
    return {
      scripts: [
        async (store, call) => {
          await call('freeze', store.freezeUtxos([outputTarget(P, 2)]))
          await call('spendFrozen Z', store.spend(Z, TIP))
        },
        async (store, call) => {
          const spends = await call('spend X', store.spend(X, TIP))
          if (spends !== undefined) await call('unspend X', store.unspend(spendsOf(X)))
        },
        spendAndCreate('Y', Y),
      ],
      excuses: { mayLose: ['X'], isNotPruned: true },
      check: async outcome => {
        if (ended(outcome, 'freeze') === undefined) return []
        const frozen = await stage.observer.getFreezeRecords(P.txid)
        const output = outcome.states.get('P')?.outputs[2]
        return [
          ...(ended(outcome, 'spendFrozen Z') === undefined ? [] : ['a frozen output was spent']),
          ...(frozen.some(({ vout }) => vout === 2)
            ? []
            : [`the freeze is gone, and the output is ${output}`]),
          ...(output === 'open' ? await refusedNow(stage, stage.spending('V', [[P, 2]])) : []),
        ]
      },
    }
  },
  'an output is frozen and given to another while it is unfrozen and spent': async stage => {
    const P = await stage.parent('P', 4)
    const Y = stage.spending('Y', [[P, 2]])
    const target = outputTarget(P, 2)
    return {
      scripts: [
        async (store, call) => {
          await call('freeze', store.freezeUtxos([target]))
          await call('reassign', store.reassignUtxo(target, new Uint8Array(32).fill(NEW_HASH)))
        },
        async (store, call) => {
          await call('unfreeze', store.unfreezeUtxos([target]))
          await call('spend Y', store.spend(Y, TIP))
        },
      ],
      excuses: { isNotPruned: true },
      check: async outcome => {
        if (ended(outcome, 'reassign') === undefined) return []
        const record = await stage.records.read(P.txid, 1)
        const [slot] = (record?.utxos ?? []) as Uint8Array[]
        return [
          ...(ended(outcome, 'spend Y') === undefined ? [] : ['it was spent, and given to another']),
          ...(slot?.length === 32 && slot[0] === NEW_HASH ? [] : ['it does not have its new hash']),
        ]
      },
    }
  },
  ...Object.fromEntries(
    Object.entries(LOCK_CHANGES).map(([other, change]): [string, Preparation] => [
      `a transaction with pages is locked while ${other}`,
      async stage => {
        const T = await stage.parent('T', 4)
        const X = stage.spending('X', [[T, 2]])
        return {
          scripts: [
            async (store, call) => {
              await call('setLocked', store.setLocked([T.txid], true))
              await call('spend X', store.spend(X, TIP))
            },
            change(T),
          ],
          excuses: { mayStayLocked: ['T'], isNotPruned: true },
          check: ({ states, played }) => {
            const { master, pages = [] } = states.get('T') ?? {}
            return played.hadFault || pages.every(page => page?.locked === master?.locked)
              ? []
              : [`the master of T is ${master?.locked ? 'locked' : 'open'}, a page of it is not`]
          },
        }
      },
    ]),
  ),
}
