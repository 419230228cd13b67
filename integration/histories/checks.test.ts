import { describe, expect, it } from '@jest/globals'
import { type Evidence, violations } from './checks.ts'
import type { FinalRecord, Slot } from './final-state.ts'
import { type Action, History, type Outcome } from './history.ts'
import { Random } from './random.ts'
import { createUniverse, outpointOf, type Universe } from './universe.ts'

/** The checks themselves: each rule is broken once by hand, with a history that keeps it beside it. */

const OK: Outcome = { kind: 'ok' }
const UNKNOWN: Outcome = { kind: 'unknown', code: 'SERVICE_UNAVAILABLE' }
const REFUSED: Outcome = { kind: 'refused', code: 'UTXO_ERROR' }

/** A parent that nobody deletes, with two spenders of its first output that nobody unspends. */
const universe = ((): Universe => {
  for (let seed = 1; ; seed++) {
    const { parents, spenders } = createUniverse(new Random(seed), 1, 2)
    const [parent] = parents
    const fits =
      parent !== undefined &&
      !parent.mayBeDeleted &&
      parent.tx.outputs.length === 1 &&
      spenders.every(({ inputs }) => inputs.length === 1)
    if (fits) return { parents, spenders }
  }
})()
const parent = universe.parents[0] as Universe['parents'][number]
const [winner, rival] = universe.spenders.map(({ hex }) => hex) as [string, string]
const txid = parent.hex
const outpoint = outpointOf({ parent: parent.tx, vout: 0 })

const create: Action = { name: 'create', txid, locked: false }
const spend = (spender: string): Action => ({ name: 'spend', txid: spender, outpoints: [outpoint] })
const mined: Action = { name: 'setMined', txid, blockId: 7, unset: false }

/** Calls one after the other, with their outcomes. */
function historyOf(...calls: readonly (readonly [Action, Outcome | undefined, number?])[]): History {
  const history = new History()
  for (const [action, outcome, store = 0] of calls) {
    const operation = history.begin(action, store)
    if (outcome !== undefined) history.end(operation, outcome)
  }
  return history
}

function record(slot: Slot, changes: Partial<FinalRecord> = {}): FinalRecord {
  return {
    slots: [slot],
    spentUtxos: typeof slot === 'object' ? 1 : 0,
    recordUtxos: 1,
    locked: false,
    conflicting: false,
    creating: false,
    blockIds: [],
    isUnmined: true,
    deleteAtHeight: undefined,
    frozen: [],
    ...changes,
  }
}

function rulesBroken(history: History, final: FinalRecord | undefined): string[] {
  const evidence: Evidence = { universe, history, records: new Map([[txid, final]]) }
  return violations(evidence).map(({ rule }) => rule)
}

const spentBy = (spender: string): Slot => ({ spender, vin: 0 })
const done = { blockIds: [7], isUnmined: false }

describe.each([
  ['every call is answered', historyOf([create, undefined]), record('unspent')],
  ['an acknowledged create stays', historyOf([create, OK]), undefined],
  ['only a create makes a record', historyOf(), record('unspent')],
  [
    'an acknowledged delete stays',
    historyOf([create, OK], [{ name: 'delete', txid }, OK]),
    record('unspent'),
  ],
  ['an acknowledged spend stays', historyOf([create, OK], [spend(winner), OK]), record('unspent')],
  [
    'an acknowledged spend stays',
    historyOf([create, OK], [spend(winner), OK], [spend(rival), OK]),
    record(spentBy(rival)),
  ],
  [
    'only a spend fills a slot',
    historyOf([create, OK], [spend(winner), OK]),
    record(spentBy('ff'.repeat(32))),
  ],
  ['counters equal the slots', historyOf([create, OK]), record('unspent', { spentUtxos: 1 })],
  ['counters equal the slots', historyOf([create, OK]), record('unspent', { recordUtxos: 2 })],
  ['delete-at-height by the rule', historyOf([create, OK]), record('unspent', { deleteAtHeight: 800 })],
  [
    'delete-at-height by the rule',
    historyOf([create, OK], [spend(winner), OK], [mined, OK]),
    record(spentBy(winner), done),
  ],
  ['no creating flag is left', historyOf([create, OK]), record('unspent', { creating: true })],
  ['flags are as they were last set', historyOf([create, OK]), record('unspent', { locked: true })],
  [
    'flags are as they were last set',
    historyOf([create, OK], [{ name: 'setLocked', txid, value: true }, OK]),
    record('unspent'),
  ],
  ['blocks are as they were last set', historyOf([create, OK], [mined, OK]), record('unspent')],
  [
    'freezes are as they were last set',
    historyOf([create, OK], [{ name: 'freeze', txid, outpoint, value: true }, OK]),
    record('unspent'),
  ],
  ['freezes are as they were last set', historyOf([create, OK]), record('frozen')],
  [
    'blocks are as they were last set',
    historyOf([create, OK], [mined, OK]),
    record('unspent', { blockIds: [7, 7], isUnmined: false }),
  ],
] as const)('%s', (rule, history, final) => {
  it('is seen to be broken', () => {
    expect(rulesBroken(history, final)).toContain(rule)
  })
})

describe.each([
  ['a create of unknown outcome that is not there', historyOf([create, UNKNOWN]), undefined],
  ['a create of unknown outcome that is there', historyOf([create, UNKNOWN]), record('unspent')],
  [
    'a rival that was refused',
    historyOf([create, OK], [spend(winner), OK], [spend(rival), REFUSED]),
    record(spentBy(winner)),
  ],
  [
    'a spend that was undone',
    historyOf(
      [create, OK],
      [spend(winner), OK],
      [{ name: 'unspend', txid: winner, outpoints: [outpoint] }, OK],
    ),
    record('unspent'),
  ],
  [
    'a spend that failed afterwards in another store, without a record',
    historyOf([create, OK], [spend(winner), OK], [spend(winner), REFUSED, 1]),
    record('unspent'),
  ],
  [
    'a spend whose failed attempt in another store may still be rolling back',
    historyOf([create, OK], [spend(winner), UNKNOWN, 1], [spend(winner), OK]),
    record('unspent'),
  ],
  [
    'a lock of unknown outcome',
    historyOf([create, OK], [{ name: 'setLocked', txid, value: true }, UNKNOWN]),
    record('unspent', { locked: true }),
  ],
  [
    'spent and mined, with its delete-at-height',
    historyOf([create, OK], [spend(winner), OK], [mined, OK]),
    record(spentBy(winner), { ...done, deleteAtHeight: 788 }),
  ],
] as const)('%s', (_name, history, final) => {
  it('is no violation', () => {
    expect(rulesBroken(history, final)).toEqual([])
  })
})

it('an attempt that was refused in another store before excuses no lost spend', () => {
  const history = historyOf([create, OK], [spend(winner), REFUSED, 1], [spend(winner), OK])
  expect(rulesBroken(history, record('unspent'))).toContain('an acknowledged spend stays')
})

it('a repeated spend that fails in the same store excuses no lost spend', () => {
  const history = historyOf([create, OK], [spend(winner), OK], [spend(winner), REFUSED, 0])
  expect(rulesBroken(history, record('unspent'))).toContain('an acknowledged spend stays')
})

it('a read that misses an acknowledged spend is a violation', () => {
  const history = historyOf([create, OK], [spend(winner), OK])
  const read = history.begin({ name: 'get', txid }, 1)
  history.end(read, OK, { spenders: [undefined], states: ['frozen'] })
  expect(rulesBroken(history, record(spentBy(winner)))).toContain('a read sees an acknowledged spend')
})

it('a trace tells what was broken between two moments', () => {
  const history = historyOf([create, OK])
  history.note('kill')
  const read = history.begin({ name: 'get', txid }, 1)
  expect(history.notesBetween(0, read.startedAt)).toEqual(['[2] kill'])
  expect(history.notesBetween(read.startedAt, read.startedAt)).toEqual([])
})
