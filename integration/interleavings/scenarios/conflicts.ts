import { ConflictError, type Transaction } from 'aerospike-utxo-store'
import { inputsOf, type Outcome } from '../rules.ts'
import type { Preparation } from '../scenario.ts'
import type { Script } from '../schedule.ts'
import { outputTarget, type Stage, TIP } from '../stage.ts'
import type { TransactionState } from '../transaction-state.ts'
import { spendAndCreate } from './scripts.ts'

/** P:0 is spent by the loser L, whose other input is Q:0, and wanted by N. C spends L:0 and R:0. */
interface Dispute {
  readonly P: Transaction
  readonly L: Transaction
  readonly N: Transaction
}

async function dispute(stage: Stage, outputs = 2): Promise<Dispute> {
  const [P, Q, R] = [await stage.parent('P', outputs), await stage.parent('Q', 2), await stage.parent('R', 2)]
  const last = outputs - 1
  const L = stage.spending(
    'L',
    [
      [P, last],
      [Q, 0],
    ],
    2,
  )
  await stage.observer.spendAndCreate(L, TIP)
  const C = stage.spending('C', [
    [L, 0],
    [R, 0],
  ])
  await stage.observer.spendAndCreate(C, TIP)
  const N = stage.spending('N', [[P, last]])
  await stage.observer.create(N, TIP, { conflicting: true })
  return { P, L, N }
}

function blockWith(tx: Transaction): { blockHeight: number; blockHash: Uint8Array } {
  return { blockHeight: TIP, blockHash: tx.txid }
}

const REPETITIONS = 3

/** As callers do: again, as long as the error says that the run is not undone. */
const makeWinner =
  (name: string, tx: Transaction): Script =>
  async (store, call) => {
    for (let attempt = 1; attempt <= REPETITIONS; attempt++) {
      let isPending = false
      await call(
        `processConflicting ${name}`,
        store.processConflicting([tx.txid], blockWith(tx)).catch(error => {
          isPending = error instanceof ConflictError && !error.isUndone
          throw error
        }),
      )
      if (!isPending) return
    }
  }

/** After recovery one of the rivals is alive. */
async function decided(outcome: Outcome, rivals: readonly string[]): Promise<string[]> {
  const broken = await recovered(outcome)
  const states = await outcome.stage.states()
  const alive = rivals.filter(name => isAlive(states.get(name)))
  return alive.length === 1 ? broken : [...broken, `of ${rivals} are alive: ${alive}`]
}

/** Who is told that a winner has won finds it so, unless another decision came after. */
function won(outcome: Outcome, winner: string): string[] {
  const {
    stage,
    states,
    played: { ends },
  } = outcome
  if (
    !ends.some(
      ({ name, error, isHeard }) => name === `processConflicting ${winner}` && error === undefined && isHeard,
    )
  )
    return []
  const lost = inputsOf({ stage, states }, winner).filter(({ input, holder }) => input !== holder)
  return [
    ...lost.map(({ output, holder }) => `${winner} has won, and ${output} holds ${holder}`),
    ...(states.get(winner)?.master?.conflicting ? [`${winner} has won, and conflicts`] : []),
    ...['L', 'C']
      .filter(name => isAlive(states.get(name)) && !isUnanswered(outcome, name))
      .map(name => `${name} has lost, and does not conflict`),
  ]
}

const EXCUSES = { mayLose: ['L', 'C', 'D', 'Y'], mayHold: ['L', 'C', 'D'], isNotPruned: true }

export const CONFLICTS: Readonly<Record<string, Preparation>> = {
  ...Object.fromEntries(
    [2, 4].map((outputs): [string, Preparation] => [
      `a loser among ${outputs} outputs gives way while others spend the output and the loser`,
      async stage => {
        const { P, L, N } = await dispute(stage, outputs)
        const Y = stage.spending('Y', [[P, outputs - 1]])
        const D = stage.spending('D', [[L, 1]])
        return {
          scripts: [makeWinner('N', N), spendAndCreate('Y', Y), spendAndCreate('D', D)],
          // Who dies leaves the parents locked until the conflict is recovered.
          excuses: { ...EXCUSES, mayStayLocked: ['P', 'Q', 'R', 'L', 'C', 'D', 'N'] },
          check: async outcome => [...won(outcome, 'N'), ...(await decided(outcome, ['L', 'N']))],
        }
      },
    ]),
  ),
  'a loser is created while it loses': async stage => {
    const P = await stage.parent('P', 4)
    const L = stage.spending('L', [
      [P, 2],
      [P, 0],
    ])
    const N = stage.spending('N', [[P, 2]])
    await stage.observer.create(N, TIP, { conflicting: true })
    return {
      scripts: [makeWinner('N', N), spendAndCreate('L', L)],
      excuses: EXCUSES,
      check: outcome => (outcome.played.hadFault ? recovered(outcome) : won(outcome, 'N')),
    }
  },
  'a loser that has spent already is created while it loses': async stage => {
    const { L, N } = await unrecorded(stage)
    return {
      scripts: [makeWinner('N', N), spendAndCreate('L', L)],
      excuses: EXCUSES,
      check: async outcome => [...won(outcome, 'N'), ...(await recovered(outcome))],
    }
  },
  'a loser that has spent already is created while its rival is refused': async stage => {
    const { L, N } = await unrecorded(stage, true)
    return {
      scripts: [makeWinner('N', N), spendAndCreate('L', L)],
      excuses: { ...EXCUSES, mayStayLocked: ['P', 'Q', 'S'] },
      check: async outcome => {
        const { states, played } = outcome
        const isUndone = played.ends.some(({ error }) => error instanceof ConflictError && error.isUndone)
        // What is pending cannot be completed before the time of S:0.
        const broken = isUndone ? livingHoldTheirInputs(outcome) : []
        for (const name of isUndone ? ['P', 'Q', 'S'] : [])
          if (states.get(name)?.master?.locked) broken.push(`${name} is locked by what was undone`)
        await stage.forgetIntents()
        return broken
      },
    }
  },
}

/** L has spent P:0 and Q:0, and has no record. N wants P:0, and perhaps S:0, which it cannot have before its time. */
async function unrecorded(stage: Stage, isRefused = false): Promise<Dispute> {
  const [P, Q, S] = [await stage.parent('P', 2), await stage.parent('Q', 2), await stage.parent('S', 2)]
  const L = stage.spending('L', [
    [P, 0],
    [Q, 0],
  ])
  await stage.observer.spend(L, TIP)
  const target = outputTarget(S, 0)
  const { satoshis, lockingScript } = S.outputs[0] as Transaction['outputs'][number]
  if (isRefused) {
    await stage.observer.freezeUtxos([target])
    await stage.observer.reassignUtxo(target, { satoshis, lockingScript })
  }
  const N = stage.spending(
    'N',
    isRefused
      ? [
          [P, 0],
          [S, 0],
        ]
      : [[P, 0]],
  )
  await stage.observer.create(N, TIP, { conflicting: true })
  return { P, L, N }
}

/** Once what is pending has been brought to its end, whoever is alive holds what it spends. */
async function recovered(outcome: Outcome): Promise<string[]> {
  const { stage } = outcome
  const broken: string[] = []
  for (const { outcome: end, error } of await stage.observer.recoverConflicts())
    if (end !== 'completed') broken.push(`recovery: ${end} ${error?.message}`)
  await stage.forgetIntents()
  const states = await stage.states()
  // A lock that comes when all is over stays (docs/operations.md).
  const mayBeLate = outcome.played.trace.some(
    step => step.includes('setLocked') && step.includes('comes late'),
  )
  for (const [name, { master }] of states) if (master?.locked && !mayBeLate) broken.push(`${name} is locked`)
  return [...broken, ...livingHoldTheirInputs({ ...outcome, states })]
}

/** Its creation ended without a verdict: who repeats it looks at its inputs then. */
function isUnanswered({ played }: Outcome, name: string): boolean {
  return played.ends.some(
    ({ name: call, error, isHeard }) =>
      call === `spendAndCreate ${name}` &&
      (!isHeard || (error !== undefined && !/^(UTXO|TX)_/.test(error.code ?? ''))),
  )
}

function livingHoldTheirInputs(outcome: Outcome): string[] {
  const { stage, states } = outcome
  return stage.names
    .filter(name => isAlive(states.get(name)) && !isUnanswered(outcome, name))
    .flatMap(name =>
      inputsOf({ stage, states }, name).flatMap(({ output, input, holder }) => [
        ...(holder === input ? [] : [`${output} of ${input}, which is alive, holds ${holder}`]),
        ...(states.get(output.slice(0, output.indexOf(':')))?.master?.conflicting
          ? [`${name} is alive, and a parent of it conflicts`]
          : []),
      ]),
    )
}

function isAlive(state: TransactionState | undefined): boolean {
  return state?.master !== undefined && !state.master.conflicting
}
