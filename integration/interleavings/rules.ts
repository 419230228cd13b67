import { SpendError, txidToHex, UtxoSpentError } from 'aerospike-utxo-store'
import type { CallEnd, PlayedSchedule } from './schedule.ts'
import { RETENTION, type Stage, TIP } from './stage.ts'
import type { RecordState, TransactionState } from './transaction-state.ts'

/** What the scripts of a scenario excuse, by names of transactions. */
export interface Excuses {
  /** Someone takes back what they have spent. */
  readonly mayLose?: readonly string[]
  /** They hold outputs from before, whatever becomes of their calls. */
  readonly mayHold?: readonly string[]
  readonly mayStayLocked?: readonly string[]
  /** With a fault in one of two stores that spend for it, a rival can take what it was told it has (docs/operations.md). */
  readonly mayLoseByFault?: readonly string[]
  /** Someone deletes them, and may die before all records are gone. */
  readonly isDeleted?: readonly string[]
  /** The pruner does not run at the end. */
  readonly isNotPruned?: boolean
}

/** What a schedule has led to. */
export interface Outcome {
  readonly stage: Stage
  readonly played: PlayedSchedule
  readonly states: ReadonlyMap<string, TransactionState>
  readonly excuses: Excuses
}

/** What was found broken, by rule. */
export interface Broken {
  readonly rule: string
  readonly text: string
  /** Known and written down (docs/operations.md): it is counted. */
  readonly isKnown: boolean
}

type Rule = (outcome: Outcome) => string[]

/** What must hold after every schedule. The pruner runs last of all, since it removes what the others look at. */
export async function brokenRules(outcome: Outcome): Promise<Broken[]> {
  const broken = [
    ...found(outcome, RULES, false),
    ...(outcome.played.hadFault
      ? found(outcome, RULES_WITH_FAULT_AND_KNOWN_EXCEPTIONS, true)
      : [
          ...found(outcome, RULES_WITHOUT_FAULT, false),
          ...found(outcome, RULES_WITH_KNOWN_EXCEPTIONS, true),
        ]),
  ]
  if (!outcome.excuses.isNotPruned)
    for (const text of await lostToPruner(outcome))
      broken.push({ rule: 'the pruner takes only what is over', text, isKnown: false })
  return broken
}

function found(outcome: Outcome, rules: Readonly<Record<string, Rule>>, isKnown: boolean): Broken[] {
  return Object.entries(rules).flatMap(([rule, check]) =>
    check(outcome).map(text => ({ rule, text, isKnown })),
  )
}

/** They hold whatever has failed. */
const RULES: Readonly<Record<string, Rule>> = {
  'every call ends with an answer or a typed error': ({ played: { ends, stuck } }) => [
    ...stuck.map(actor => `${actor} waits for ever`),
    ...ends
      .filter(
        ({ error, isHeard }) => isHeard && error !== undefined && (error.code ?? 'UNKNOWN') === 'UNKNOWN',
      )
      .map(({ actor, name, error }) => `${actor}: ${name}: ${error?.stack}`),
  ],
  'counters equal the slots': outcome =>
    eachRecord(outcome, (record, where) => {
      const slots = record.slots.filter(slot => slot !== undefined)
      const spent = slots.filter(slot => typeof slot === 'object').length
      return record.spentUtxos === spent && record.recordUtxos === slots.length + record.reassignments
        ? []
        : [
            `${where}: ${record.spentUtxos} of ${record.recordUtxos} counted, ${spent} of ${slots.length} spent`,
          ]
    }),
  'a master has all of its pages': outcome =>
    eachTransaction(outcome, ({ master, pages }, name) =>
      master !== undefined &&
      pages.includes(undefined) &&
      !(outcome.played.hadFault && outcome.excuses.isDeleted?.includes(name))
        ? [`${name} lacks a page`]
        : [],
    ),
  'an acknowledged spend stays': outcome =>
    lostSpends(outcome, name => !(outcome.played.hadFault && isLostByFault(outcome, name))),
  'nobody loses to himself': ({ played: { ends }, stage }) =>
    ends.flatMap(({ name, error }) => {
      const spender = spenderOf(name)
      if (spender === undefined || !(error instanceof SpendError)) return []
      const hex = txidToHex(stage.transaction(spender).txid)
      return error.spends.some(
        spend => spend.error instanceof UtxoSpentError && txidToHex(spend.error.spendingData.txid) === hex,
      )
        ? [name]
        : []
    }),
  'what is preserved or conflicting has the height that goes with it': outcome =>
    eachTransaction(outcome, ({ master }, name) => {
      if (master === undefined) return []
      const { preserveUntil, conflicting, deleteAtHeight } = master
      if (preserveUntil !== undefined)
        return deleteAtHeight === undefined ? [] : [`${name} is preserved, and due`]
      return conflicting && deleteAtHeight === undefined ? [`${name} conflicts for ever`] : []
    }),
  'a master with outputs or without a block is not due': outcome =>
    eachTransaction(outcome, ({ master }, name) =>
      master?.deleteAtHeight === undefined || master.conflicting || (isFull(master) && master.isMined)
        ? []
        : [`${name} is due at ${master.deleteAtHeight}`],
    ),
}

const RULES_WITH_FAULT_AND_KNOWN_EXCEPTIONS: Readonly<Record<string, Rule>> = {
  'an acknowledged spend stays': outcome => lostSpends(outcome, name => isLostByFault(outcome, name)),
}

const RULES_WITHOUT_FAULT: Readonly<Record<string, Rule>> = {
  'no mark, lock or half of a transaction is left': outcome => [
    ...eachRecord(outcome, ({ creating }, where) =>
      creating ? [`${where} is marked as being created`] : [],
    ),
    ...eachTransaction(outcome, ({ master, pages, hasCreationLock }, name) => [
      ...(hasCreationLock ? [`${name} is locked by its creator`] : []),
      ...(master?.locked && !outcome.excuses.mayStayLocked?.includes(name) ? [`${name} is locked`] : []),
      ...(master === undefined &&
      pages.some(page => page !== undefined) &&
      !outcome.excuses.isDeleted?.includes(name)
        ? [`pages of ${name} have no master`]
        : []),
    ]),
  ],
  'only what is done is due': outcome =>
    eachTransaction(outcome, ({ master, pages }, name) =>
      master?.deleteAtHeight !== undefined &&
      !master.conflicting &&
      !pages.every(page => page !== undefined && isFull(page))
        ? [`${name} is due, and a page has outputs`]
        : [],
    ),
  'who is refused holds nothing': outcome =>
    outcome.stage.names
      .filter(name => wasRefused(outcome, name) && !outcome.excuses.mayHold?.includes(name))
      .flatMap(name => inputsOf(outcome, name))
      .filter(({ holder, input }) => holder === input)
      .map(({ output, input }) => `${output} is held by ${input}`),
}

/** Where stores cross on a page; docs/operations.md says how and what it costs. */
const RULES_WITH_KNOWN_EXCEPTIONS: Readonly<Record<string, Rule>> = {
  'a page says whether it is all spent': outcome =>
    eachTransaction(outcome, ({ pages }, name) =>
      pages.flatMap((page, index) =>
        page !== undefined && (page.lastSpentState === 'ALLSPENT') !== isFull(page)
          ? [
              `${name}.${index + 1} says ${page.lastSpentState}, with ${page.spentUtxos} of ${page.recordUtxos} spent`,
            ]
          : [],
      ),
    ),
  'a master counts its spent pages': outcome =>
    eachTransaction(outcome, ({ master, pages }, name) => {
      const full = pages.filter(page => page !== undefined && isFull(page)).length
      return master === undefined || master.spentPages === full
        ? []
        : [`${name} counts ${master.spentPages}, has ${full}`]
    }),
  'what is done is due': outcome =>
    eachTransaction(outcome, ({ master, pages }, name) => {
      if (master === undefined || master.conflicting || master.locked || master.preserveUntil !== undefined)
        return []
      const isDone =
        master.isMined && [master, ...pages].every(record => record !== undefined && isFull(record))
      return isDone && master.deleteAtHeight === undefined ? [name] : []
    }),
  'pages are due with their master': outcome =>
    eachTransaction(outcome, ({ master, pages }, name) =>
      master === undefined
        ? []
        : pages.flatMap((page, index) =>
            page !== undefined && page.deleteAtHeight !== master.deleteAtHeight
              ? [`${name}.${index + 1} is due at ${page.deleteAtHeight}, ${name} at ${master.deleteAtHeight}`]
              : [],
          ),
    ),
}

/** A run of the pruner long after: it must leave what has outputs, and no half of what has none. */
async function lostToPruner({ stage, played, states, excuses }: Outcome): Promise<string[]> {
  for (let run = 0; run < (played.hadFault ? 2 : 1); run++) {
    if (played.hadFault) await stage.dropCreationLocks()
    await stage.observer.prune(TIP + RETENTION + 500)
  }
  const after = await stage.states()
  return [...states].flatMap(([name, before]) => {
    const { master, pages, outputs } = after.get(name) ?? before
    const lost: string[] = []
    const hadOpen =
      before.outputs.includes('open') && before.master !== undefined && !before.master.conflicting
    const isLess = (page: unknown, index: number) => page === undefined && before.pages[index] !== undefined
    if (hadOpen && (master === undefined || pages.some(isLess)))
      lost.push(`${name} had outputs (${before.outputs}), and has now ${outputs}`)
    if (master !== undefined && pages.some(isLess)) lost.push(`${name} has lost a page`)
    if (
      master === undefined &&
      // What a creator has left who died, others take up where they create it (docs/operations.md).
      pages.some(page => page !== undefined && !(played.hadFault && page.creating)) &&
      !excuses.isDeleted?.includes(name)
    )
      lost.push(`pages of ${name} are left`)
    return lost
  })
}

function isFull({ spentUtxos, recordUtxos }: RecordState): boolean {
  return spentUtxos === recordUtxos
}

function eachTransaction(
  { states }: Outcome,
  look: (state: TransactionState, name: string) => string[],
): string[] {
  return [...states].flatMap(([name, state]) => look(state, name))
}

function eachRecord(outcome: Outcome, look: (record: RecordState, where: string) => string[]): string[] {
  return eachTransaction(outcome, ({ master, pages }, name) =>
    [master, ...pages].flatMap((record, page) =>
      record === undefined ? [] : look(record, page === 0 ? name : `${name}.${page}`),
    ),
  )
}

interface HeldInput {
  /** As `P:0`. */
  readonly output: string
  /** As `X:1`. */
  readonly input: string
  /** Who is in its slot. */
  readonly holder: string
}

/** Inputs whose parents are on the stage. */
export function inputsOf({ stage, states }: Pick<Outcome, 'stage' | 'states'>, name: string): HeldInput[] {
  return stage.transaction(name).inputs.flatMap(({ previousTxid, previousVout }, vin) => {
    const parent = stage.nameOf(txidToHex(previousTxid))
    const holder = states.get(parent)?.outputs[previousVout]
    return holder === undefined
      ? []
      : [{ output: `${parent}:${previousVout}`, input: `${name}:${vin}`, holder }]
  })
}

/** The transaction that a call by this name spends with. */
function spenderOf(name: string): string | undefined {
  return /^(?:spend|spendAndCreate) (\w+)$/.exec(name)?.[1]
}

function attempts({ played }: Outcome, name: string): CallEnd[] {
  return played.ends.filter(end => spenderOf(end.name) === name)
}

function acknowledgedSpenders(outcome: Outcome): string[] {
  return outcome.stage.names.filter(name =>
    attempts(outcome, name).some(({ error, isHeard }) => error === undefined && isHeard),
  )
}

function lostSpends(outcome: Outcome, isMeant: (name: string) => boolean): string[] {
  return acknowledgedSpenders(outcome)
    .filter(name => isMeant(name) && !outcome.excuses.mayLose?.includes(name))
    .flatMap(name => inputsOf(outcome, name))
    .filter(({ holder, input }) => holder !== input && holder !== 'gone')
    .map(({ output, holder, input }) => `${output} was spent by ${input}, and holds ${holder}`)
}

function isLostByFault({ excuses }: Outcome, name: string): boolean {
  return excuses.mayLoseByFault?.includes(name) === true
}

/** It has no record, and every attempt was refused for good. */
function wasRefused(outcome: Outcome, name: string): boolean {
  const calls = attempts(outcome, name)
  return calls.length > 0 && outcome.states.get(name)?.master === undefined && calls.every(isFinalRefusal)
}

function isFinalRefusal({ error }: CallEnd): boolean {
  return (
    error instanceof SpendError &&
    !error.spends.some(spend => spend.error?.code === 'TX_LOCKED' || spend.error?.code === 'TX_CREATING')
  )
}
