import type { Transaction } from 'aerospike-utxo-store'
import { inputsOf, type Outcome } from '../rules.ts'
import type { Preparation } from '../scenario.ts'
import { outputTarget, type Stage, TIP } from '../stage.ts'
import { setMined, spend, spendAndCreate } from './scripts.ts'

/** Transactions whose other input can be spent no more, and why. */
const OBSTACLES: Readonly<
  Record<string, (stage: Stage, q: Transaction, x: Transaction) => Promise<unknown>>
> = {
  'is spent': (stage, q) => stage.spent('Z', [[q, 0]]),
  'is frozen': (stage, q) => stage.observer.freezeUtxos([outputTarget(q, 0)]),
  'is gone': (stage, q) => stage.observer.delete(q.txid),
}

/** Who has a record that does not conflict holds its inputs, and was not refused by every store. */
function livingHoldTheirInputs(outcome: Outcome): string[] {
  if (outcome.played.hadFault) return []
  return outcome.stage.names
    .filter(name => {
      const master = outcome.states.get(name)?.master
      return master !== undefined && !master.conflicting
    })
    .flatMap(name => inputsOf(outcome, name))
    .filter(({ input, holder }) => holder !== input && holder !== 'gone')
    .map(({ output, input, holder }) => `${output} of ${input}, which has a record, holds ${holder}`)
}

async function rivals(stage: Stage): Promise<{ X: Transaction; Y: Transaction }> {
  const [P, Q] = [await stage.parent('P', 2), await stage.parent('Q', 1)]
  return {
    X: stage.spending('X', [
      [P, 0],
      [Q, 0],
    ]),
    Y: stage.spending('Y', [[Q, 0]]),
  }
}

export const SPENDING: Readonly<Record<string, Preparation>> = {
  'two transactions spend the same outputs of two parents': async stage => {
    const [P, Q] = [await stage.parent('P', 2), await stage.parent('Q', 2)]
    const X = stage.spending('X', [
      [P, 0],
      [Q, 0],
    ])
    const Y = stage.spending('Y', [
      [Q, 0],
      [P, 0],
    ])
    return { scripts: [spend('X', X), spend('Y', Y)] }
  },
  'two transactions spend the same outputs of a parent with pages': async stage => {
    const P = await stage.parent('P', 4)
    const X = stage.spending('X', [
      [P, 2],
      [P, 0],
    ])
    const Y = stage.spending('Y', [
      [P, 3],
      [P, 0],
      [P, 1],
    ])
    return { scripts: [spend('X', X), spend('Y', Y)] }
  },
  ...Object.fromEntries(
    Object.entries(OBSTACLES).map(([obstacle, lay]): [string, Preparation] => [
      `two stores spend with a transaction whose other input ${obstacle}, against a rival`,
      async stage => {
        const [P, Q] = [await stage.parent('P', 3), await stage.parent('Q', 1)]
        const X = stage.spending('X', [
          [P, 2],
          [Q, 0],
        ])
        await lay(stage, Q, X)
        return { scripts: [spend('X', X), spend('X', X), spend('Y', stage.spending('Y', [[P, 2]]))] }
      },
    ]),
  ),
  'two stores spend and create the same transaction, against a rival': async stage => {
    const { X, Y } = await rivals(stage)
    return {
      scripts: [spendAndCreate('X', X), spendAndCreate('X', X), spendAndCreate('Y', Y)],
      excuses: { mayLoseByFault: ['X', 'Y'] },
      check: livingHoldTheirInputs,
    }
  },
  'a transaction with pages is spent and created twice, against a rival': async stage => {
    const [P, Q] = [await stage.parent('P', 4), await stage.parent('Q', 1)]
    const X = stage.spending(
      'X',
      [
        [P, 2],
        [Q, 0],
      ],
      3,
    )
    const Y = stage.spending('Y', [[Q, 0]])
    return {
      scripts: [spendAndCreate('X', X), spendAndCreate('X', X), spendAndCreate('Y', Y)],
      excuses: { mayLoseByFault: ['X', 'Y'] },
      check: livingHoldTheirInputs,
    }
  },
  'spend, create and spend again beside spendAndCreate of the same, against a rival': async stage => {
    const { X, Y } = await rivals(stage)
    return {
      scripts: [
        async (store, call) => {
          if ((await call('spend X', store.spend(X, TIP))) === undefined) return
          await call('create X', store.create(X, TIP))
          await call('confirm X', store.spend(X, TIP))
        },
        spendAndCreate('X', X),
        spend('Y', Y),
      ],
      // Until a record says so, who is refused takes back what another store has spent for the same transaction.
      excuses: { mayLose: ['X'] },
      check: outcome =>
        outcome.played.ends.some(
          ({ name, error, isHeard }) => name === 'confirm X' && error === undefined && isHeard,
        )
          ? inputsOf(outcome, 'X').flatMap(({ output, input, holder }) =>
              holder === input ? [] : [`${output} of X, spent, created and spent again, holds ${holder}`],
            )
          : [],
    }
  },
  'a lock comes and goes beside a spend and a block': async stage => {
    const T = await stage.parent('T', 4)
    const X = stage.spending('X', [
      [T, 0],
      [T, 2],
    ])
    return {
      scripts: [
        async (store, call) => {
          await call('setLocked', store.setLocked([T.txid], true))
          await call('setLocked', store.setLocked([T.txid], false))
        },
        spend('X', X),
        setMined(T, { blockId: 9 }),
      ],
      check: async ({ stage, played }) => {
        if (played.hadFault) return []
        return stage.observer.spend(X, TIP).then(
          () => [],
          error => [`X cannot be spent at the end: ${error.message}`],
        )
      },
    }
  },
  'the last output is spent while it is locked and preserved': async stage => {
    const T = await stage.parent('T', 4)
    await stage.spent('W', [
      [T, 0],
      [T, 1],
      [T, 2],
    ])
    return {
      scripts: [
        (store, call) => call('setLocked', store.setLocked([T.txid], true)),
        spend('X', stage.spending('X', [[T, 3]])),
        (store, call) => call('preserve', store.preserveTransactions([T.txid], TIP + 500)),
      ],
      excuses: { mayStayLocked: ['T'], isNotPruned: true },
    }
  },
  'a rollback frees an output beside the last spend of its page': async stage => {
    const [T, Q] = [await stage.parent('T', 4), await stage.parent('Q', 2)]
    await stage.spent('W', [
      [T, 0],
      [T, 1],
    ])
    await stage.spent('U', [[Q, 0]])
    const R = stage.spending('R', [
      [T, 2],
      [Q, 0],
    ])
    return { scripts: [spend('X', stage.spending('X', [[T, 3]])), spend('R', R)] }
  },
}
