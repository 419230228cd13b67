import type { Transaction } from 'aerospike-utxo-store'
import type { Preparation } from '../scenario.ts'
import type { Script } from '../schedule.ts'
import { type Input, MINED, RETENTION, type Stage, TIP } from '../stage.ts'
import { setMined, spend, spendAndCreate, unspend } from './scripts.ts'

/** When what was spent at the tip is due. */
const LATER = TIP + RETENTION

const prune: Script = (store, call) => call('prune', store.prune(LATER))

/** T, due for removal: W has spent all of its outputs. */
async function due(stage: Stage, outputs: number): Promise<{ T: Transaction; W: Transaction }> {
  const T = await stage.parent('T', outputs)
  const W = await stage.spent(
    'W',
    Array.from({ length: outputs }, (_, vout): Input => [T, vout]),
  )
  return { T, W }
}

const succeeded = (ends: readonly { name: string; error: unknown }[], name: string): boolean =>
  ends.some(end => end.name === name && end.error === undefined)

/** X, mined and all spent, with parents that are left: its inputs stay spent when it is pruned. */
async function spentChild(stage: Stage): Promise<{ X: Transaction; Y: Transaction }> {
  const [P, Q] = [await stage.parent('P', 2), await stage.parent('Q', 2)]
  const X = await stage.spent('X', [
    [P, 0],
    [Q, 0],
  ])
  await stage.observer.create(X, TIP, MINED)
  await stage.spent('Z', [[X, 0]])
  return { X, Y: stage.spending('Y', [[P, 0]]) }
}

const REPETITIONS: Readonly<Record<string, (tx: Transaction) => Script>> = {
  spend: X => spend('X', X, LATER),
  spendAndCreate: X => spendAndCreate('X', X),
}

export const PRUNING: Readonly<Record<string, Preparation>> = {
  ...Object.fromEntries(
    [1, 4].flatMap((outputs): [string, Preparation][] => [
      [
        `a due transaction with ${outputs} outputs is pruned while one is freed and spent anew`,
        async stage => {
          const { T, W } = await due(stage, outputs)
          const last = outputs - 1
          return {
            scripts: [prune, unspend('W', W, last), spend('Y', stage.spending('Y', [[T, last]]), LATER)],
            excuses: { mayLose: ['W'] },
            check: async ({ stage, played: { ends } }) => {
              const { outputs: left } = await stage.state('T')
              const isGone = left.includes('gone')
              return [
                ...(isGone && succeeded(ends, 'unspend W') && !succeeded(ends, 'spend Y')
                  ? [`an output was freed, and its transaction pruned: ${left}`]
                  : []),
                ...(succeeded(ends, 'spend Y') && !left.includes('Y:0') && !isGone
                  ? [`Y was told that it holds: ${left}`]
                  : []),
              ]
            },
          }
        },
      ],
      [
        `a due transaction with ${outputs} outputs is pruned while it is preserved, and its spend repeated`,
        async stage => {
          const { T, W } = await due(stage, outputs)
          return {
            scripts: [
              prune,
              (store, call) => call('preserve', store.preserveTransactions([T.txid], TIP + 500)),
              spend('W', W, LATER),
            ],
            excuses: { mayLose: ['W'], isNotPruned: true },
            check: async ({ stage, played: { ends } }) => {
              const { outputs: left } = await stage.state('T')
              const isPreserved = ends.some(
                ({ name, value }) =>
                  name === 'preserve' && (value as { preserved: number } | undefined)?.preserved === 1,
              )
              return isPreserved && left.includes('gone') ? [`preserved, and pruned: ${left}`] : []
            },
          }
        },
      ],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(REPETITIONS).map(([method, repeat]): [string, Preparation] => [
      `a transaction is pruned while its ${method} is repeated, against a rival`,
      async stage => {
        const { X, Y } = await spentChild(stage)
        return {
          scripts: [prune, repeat(X), spend('Y', Y, LATER)],
          excuses: { mayHold: ['X'], isNotPruned: true },
          check: ({ states, played: { ends } }) => [
            ...(succeeded(ends, 'spend Y') ? ['Y has spent what the pruned X had spent'] : []),
            ...['P', 'Q'].flatMap((name, vin) => {
              const holder = states.get(name)?.outputs[0]
              return holder === `X:${vin}` ? [] : [`${name}:0, which X had spent, holds ${holder}`]
            }),
          ],
        }
      },
    ]),
  ),
  'a transaction whose other parent is gone is pruned while its spend is repeated': async stage => {
    const P = await stage.parent('P', 2)
    const X = stage.spending('X', [
      [P, 0],
      [stage.orphan('Q', 1), 0],
    ])
    await stage.observer.create(X, TIP, MINED)
    await stage.observer.spend(X, TIP)
    await stage.spent('Z', [[X, 0]])
    return {
      scripts: [prune, spend('X', X, LATER)],
      excuses: { mayHold: ['X'], isNotPruned: true },
      check: ({ states }) => {
        const holder = states.get('P')?.outputs[0]
        return holder === 'X:0' ? [] : [`P:0, which X had spent, holds ${holder}`]
      },
    }
  },
  'a due transaction is pruned while its block is undone, and it is locked': async stage => {
    const { T } = await due(stage, 4)
    return {
      scripts: [
        prune,
        setMined(T, { unsetMined: true }),
        (store, call) => call('setLocked', store.setLocked([T.txid], true)),
      ],
      excuses: { mayLose: ['W'], mayStayLocked: ['T'], isNotPruned: true },
    }
  },
  'a due transaction is pruned while it is created anew': async stage => {
    const { T } = await due(stage, 4)
    return {
      scripts: [prune, (store, call) => call('create T', store.create(T, TIP, MINED))],
      excuses: { mayLose: ['W'] },
      check: ({ states, played: { ends } }) => {
        const left = states.get('T')?.outputs ?? []
        return succeeded(ends, 'create T') && left.some(output => output !== 'open')
          ? [`created, with outputs ${left}`]
          : []
      },
    }
  },
  'a preservation ends while an output is freed and spent anew': async stage => {
    const { T, W } = await due(stage, 4)
    await stage.observer.preserveTransactions([T.txid], TIP + 1)
    return {
      scripts: [
        (store, call) => call('expire', store.processExpiredPreservations(TIP + 2)),
        unspend('W', W, 3),
        spend('Y', stage.spending('Y', [[T, 3]])),
      ],
      excuses: { mayLose: ['W'] },
    }
  },
  'a transaction is deleted while it is created anew, and spent': async stage => {
    const T = await stage.parent('T', 4)
    return {
      scripts: [
        (store, call) => call('deleteComplete', store.deleteComplete(T.txid)),
        (store, call) => call('create T', store.create(T, TIP, MINED)),
        spend('X', stage.spending('X', [[T, 2]])),
      ],
      excuses: { mayLose: ['X'], isDeleted: ['T'] },
    }
  },
}
