import type { Transaction } from 'aerospike-utxo-store'
import type { Preparation } from '../scenario.ts'
import type { Script } from '../schedule.ts'
import { BLOCK, type Input, MINED, type Stage, spendsOf, TIP } from '../stage.ts'
import { setMined, spend, unspend } from './scripts.ts'

const BLOCK_CALLS: Readonly<Record<string, { isMined: boolean; script: (T: Transaction) => Script }>> = {
  'it is mined': {
    isMined: false,
    script: T => setMined(T),
  },
  'its block is undone': {
    isMined: true,
    script: T => setMined(T, { unsetMined: true }),
  },
  'its block leaves the longest chain': {
    isMined: true,
    script: T => (store, call) =>
      call('markTransactions', store.markTransactionsOnLongestChain([T.txid], false)),
  },
}

/** T with two pages, of which each has one output left. */
async function twoLeft(
  stage: Stage,
  isMined: boolean,
): Promise<{ T: Transaction; X: Transaction; Y: Transaction }> {
  const T = await stage.parent('T', 6, isMined ? MINED : {})
  await stage.spent(
    'W',
    [0, 1, 2, 4].map((vout): Input => [T, vout]),
  )
  return { T, X: stage.spending('X', [[T, 3]]), Y: stage.spending('Y', [[T, 5]]) }
}

/** T, all of whose outputs W has spent, or all but the last one. */
async function spentBy(
  stage: Stage,
  spent: number,
  options: object = MINED,
): Promise<{ T: Transaction; W: Transaction }> {
  const T = await stage.parent('T', 4, options)
  const W = await stage.spent(
    'W',
    Array.from({ length: spent }, (_, vout): Input => [T, vout]),
  )
  return { T, W }
}

export const PAGES: Readonly<Record<string, Preparation>> = {
  ...Object.fromEntries(
    Object.entries(BLOCK_CALLS).map(([event, { isMined, script }]): [string, Preparation] => [
      `the last outputs of two pages are spent while ${event}`,
      async stage => {
        const { T, X, Y } = await twoLeft(stage, isMined)
        return { scripts: [spend('X', X), spend('Y', Y), script(T)] }
      },
    ]),
  ),
  'the last output is spent while one block comes and another goes': async stage => {
    const { T } = await spentBy(stage, 3, {})
    return {
      scripts: [
        spend('X', stage.spending('X', [[T, 3]])),
        setMined(T),
        async (store, call) => {
          const other = { blockId: 8, blockHeight: TIP - 1 }
          await setMined(T, other)(store, call)
          await setMined(T, { ...other, unsetMined: true })(store, call)
        },
      ],
    }
  },
  'an output of a page is freed, spent anew, and the other one spent': async stage => {
    const { T, W } = await spentBy(stage, 3)
    return {
      scripts: [
        spend('X', stage.spending('X', [[T, 3]])),
        unspend('W', W, 2),
        spend('Y', stage.spending('Y', [[T, 2]])),
      ],
      excuses: { mayLose: ['W'] },
    }
  },
  'both outputs of a page are freed, and one is spent anew': async stage => {
    const { T, W } = await spentBy(stage, 4)
    return {
      scripts: [unspend('W', W, 2), unspend('W', W, 3), spend('Y', stage.spending('Y', [[T, 3]]))],
      excuses: { mayLose: ['W'] },
    }
  },
  'an output of a page is freed while another store repeats the spend': async stage => {
    const { T } = await spentBy(stage, 2)
    const X = await stage.spent('X', [
      [T, 2],
      [T, 3],
    ])
    return { scripts: [unspend('X', X, 0), spend('X', X)], excuses: { mayLose: ['X'] } }
  },
  'an output of a page is freed and spent anew while its transaction is mined': async stage => {
    const { T, W } = await spentBy(stage, 4, {})
    return {
      scripts: [unspend('W', W, 3), setMined(T), spend('Y', stage.spending('Y', [[T, 3]]))],
      excuses: { mayLose: ['W'] },
    }
  },
  'an output of a page is freed beside the last spend of the page': async stage => {
    const { T, W } = await spentBy(stage, 3)
    return {
      scripts: [spend('X', stage.spending('X', [[T, 3]])), unspend('W', W, 2)],
      excuses: { mayLose: ['W'] },
    }
  },
  'an output is freed, spent and freed beside a rival and the last spend of another page': async stage => {
    const T = await stage.parent('T', 6)
    await stage.spent(
      'W',
      [0, 1, 2, 4].map((vout): Input => [T, vout]),
    )
    const X = await stage.spent('X', [[T, 3]])
    const again = stage.spending('X2', [[T, 3]])
    return {
      scripts: [
        async (store, call) => {
          await call('unspend X', store.unspend(spendsOf(X)))
          const spends = await call('spend X2', store.spend(again, TIP))
          if (spends !== undefined) await call('unspend X2', store.unspend(spends))
        },
        spend('Z', stage.spending('Z', [[T, 2]])),
        spend('Y', stage.spending('Y', [[T, 5]])),
      ],
      excuses: { mayLose: ['X', 'X2'] },
    }
  },
  'a transaction with pages is created by two stores, and spent by a third': async stage => {
    const T = stage.orphan('T', 4)
    const X = stage.spending('X', [
      [T, 0],
      [T, 2],
    ])
    const create: Script = (store, call) =>
      call('create T', store.create(T, TIP, { minedBlockInfos: [BLOCK] }))
    return {
      scripts: [create, create, spend('X', X)],
      check: async ({ stage, played: { ends, hadFault } }) => {
        const wrong = ends
          .filter(
            ({ name, error, isHeard }) => name === 'create T' && isHeard && error !== undefined && !hadFault,
          )
          .filter(({ error }) => error?.code !== 'TX_EXISTS' && error?.code !== 'TX_CREATING')
          .map(({ error }) => `create T: ${error?.code} ${error?.message}`)
        const created = ends.filter(
          ({ name, error, isHeard }) => name === 'create T' && error === undefined && isHeard,
        )
        if (created.length > 1) wrong.push('both stores say that they have created T')
        return [...wrong, ...(await createdAtLast(stage, T, X))]
      },
    }
  },
  'a transaction with pages is created, spent twice, and mined': async stage => {
    const T = stage.orphan('T', 3)
    const X = stage.spending('X', [
      [T, 0],
      [T, 2],
    ])
    return {
      scripts: [
        (store, call) => call('create T', store.create(T, TIP)),
        async (store, call) => {
          await call('spend X', store.spend(X, TIP))
          await call('spend X', store.spend(X, TIP))
        },
        setMined(T),
      ],
      check: ({ stage }) => createdAtLast(stage, T, X),
    }
  },
}

/** Once the locks of the dead are over, a create makes whole what is there, and all of it can be spent. */
async function createdAtLast(stage: Stage, T: Transaction, X: Transaction): Promise<string[]> {
  await stage.dropCreationLocks()
  const broken: string[] = []
  await stage.observer.create(T, TIP, MINED).catch(error => {
    if (error.code !== 'TX_EXISTS') broken.push(`T cannot be created at the end: ${error.message}`)
  })
  const { master, pages } = await stage.state('T')
  for (const [page, record] of [master, ...pages].entries())
    if (record === undefined || record.creating) broken.push(`record ${page} of T is not there as a whole`)
  await stage.observer
    .spend(X, TIP)
    .catch(error => broken.push(`X cannot be spent at the end: ${error.message}`))
  return broken
}
