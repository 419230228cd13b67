import { isOk, mayBeUndone, mayHaveEffect, operations, spendsOf, type Violation } from '../checks.ts'
import type { Slot } from '../final-state.ts'
import type { History, Operation } from '../history.ts'
import { outpointOf } from '../universe.ts'
import { type FinalPage, type FinalTransaction, UTXO_BATCH_SIZE } from './page-records.ts'
import type { StoredTransaction } from './page-universe.ts'

export interface PageEvidence {
  readonly transactions: readonly StoredTransaction[]
  readonly history: History
  /** By display-hex txid. */
  readonly records: ReadonlyMap<string, FinalTransaction>
  /** Counts what a rule excuses, so that an excuse that covers everything is seen. */
  readonly onExcused: (reason: string) => void
}

type Rule = (subject: Subject, evidence: PageEvidence) => string[]

interface Subject extends FinalTransaction {
  readonly transaction: StoredTransaction
  readonly hex: string
  /** Master first, then pages. */
  readonly all: readonly (FinalPage | undefined)[]
}

/** Every rule that must hold of transactions of several records, wherever their creators and pruners died. */
export function pageViolations(evidence: PageEvidence): Violation[] {
  return evidence.transactions.flatMap(transaction => {
    const record = evidence.records.get(transaction.hex)
    if (record === undefined) throw new Error(`${transaction.hex} was not read`)
    const subject = { ...record, transaction, hex: transaction.hex, all: [record.master, ...record.pages] }
    return Object.entries(RULES).flatMap(([rule, broken]) =>
      broken(subject, evidence).map(text => ({ rule, txid: transaction.hex, text })),
    )
  })
}

const RULES: Readonly<Record<string, Rule>> = {
  'a master has all of its pages': ({ master, pages, transaction }) => {
    if (master === undefined) return []
    const wanted = Math.ceil(transaction.tx.outputs.length / UTXO_BATCH_SIZE) - 1
    if (master.pages !== wanted) return [`${master.pages} pages, ${wanted} wanted`]
    return pages.flatMap((page, index) => (page === undefined ? [`page ${index + 1} is lost`] : []))
  },
  'a whole transaction has no mark': ({ master, pages, hex }, evidence) => {
    if (master === undefined || master.creating || !pages.some(page => page?.creating)) return []
    // A block takes the mark of the master first; one that died leaves the others to the next spend.
    if (operations(evidence, 'setMined', hex).some(call => evidence.history.hasDied(call))) {
      evidence.onExcused('marks left by a block that died')
      return []
    }
    return ['the master is complete, a page is marked']
  },
  'a whole transaction has its body': ({ master, bodies }) =>
    master?.isExternal && bodies === 0 ? ['the body is not in the external store'] : [],
  'nothing of half a transaction is spent': ({ all }) =>
    // A removal leaves pages for a while as well, but those without a mark.
    all.includes(undefined) &&
    all.some(record => record?.creating) &&
    all.some(record => record?.slots?.some(slot => typeof slot === 'object'))
      ? ['a record is missing, and an output of another is spent']
      : [],
  'no page without a master': ({ master, pages }) =>
    master === undefined
      ? pages.flatMap((page, index) =>
          page !== undefined && !page.creating ? [`page ${index + 1} is left`] : [],
        )
      : [],
  'no body without a record': ({ all, bodies }) =>
    bodies > 0 && all.every(record => record === undefined) ? [`${bodies} bodies`] : [],
  'no lock is left': ({ isLocked }) => (isLocked ? ['its holder has ended'] : []),
  'no record is made by an update': ({ all }) =>
    all.flatMap((record, page) =>
      record !== undefined && record.slots === undefined ? [`record ${page} has no outputs`] : [],
    ),
  'counters equal the slots': ({ all }) =>
    all.flatMap((record, page) => {
      if (record?.slots === undefined) return []
      const spent = record.slots.filter(slot => typeof slot === 'object').length
      return record.spentUtxos === spent && record.recordUtxos === record.slots.length
        ? []
        : [`record ${page}: ${record.spentUtxos} of ${record.recordUtxos} counted, ${spent} spent`]
    }),
  'the master counts its spent pages': (subject, evidence) => {
    const { master, pages } = subject
    if (master === undefined) return []
    const full = pages.filter(isFull).length
    if (master.spentPages === full) return []
    const excuse = whyCountIsOpen(subject, evidence)
    if (excuse !== undefined) {
      evidence.onExcused(`count of spent pages, ${excuse}`)
      return []
    }
    return [`${master.spentPages} pages counted, ${full} fully spent`]
  },
  'only what is done is due': (subject, evidence) => {
    const { master, all } = subject
    if (master?.deleteAtHeight === undefined || master.conflicting) return []
    if (all.every(isFull) && !master.isUnmined) return []
    if (whyCountIsOpen(subject, evidence) === WRITER_DIED) {
      evidence.onExcused('due with outputs to spend, an unspend died')
      return []
    }
    return ['it would be pruned with outputs to spend, or without a block']
  },
  'an acknowledged spend stays': ({ master, transaction, all }, evidence) =>
    master === undefined
      ? []
      : transaction.tx.outputs.flatMap((_, vout) => {
          const outpoint = outpointOf({ parent: transaction.tx, vout })
          const slot = slotOf(all, vout)
          return spendsOf(evidence, outpoint)
            .filter(spend => isOk(spend) && spenderIn(slot) !== spend.action.txid)
            .filter(spend => !mayBeUndone(evidence, outpoint, spend))
            .map(spend => `${outpoint} was spent by ${spend.action.txid}, holds ${JSON.stringify(slot)}`)
        }),
  'only a spend fills a slot': ({ transaction, all }, evidence) =>
    transaction.tx.outputs.flatMap((_, vout) => {
      const outpoint = outpointOf({ parent: transaction.tx, vout })
      const spender = spenderIn(slotOf(all, vout))
      if (spender === undefined || spendsOf(evidence, outpoint).some(({ action }) => action.txid === spender))
        return []
      return [`${outpoint} holds ${spender}, who never tried`]
    }),
  'only what was due is gone': ({ master, hex, transaction }, evidence) => {
    if (master !== undefined || !operations(evidence, 'create', hex).some(isOk)) return []
    const found: string[] = []
    if (operations(evidence, 'preserve', hex).some(isOk)) found.push('it was preserved, and is gone')
    if (!operations(evidence, 'setMined', hex).some(mayHaveEffect)) found.push('no block held it')
    for (const vout of transaction.tx.outputs.keys()) {
      const outpoint = outpointOf({ parent: transaction.tx, vout })
      if (!mayBeSpentAtTheEnd(evidence, outpoint)) found.push(`${outpoint} was not spent`)
    }
    return found
  },
  'parents know their pruned children': ({ master, hex, transaction }, evidence) => {
    if (master !== undefined || transaction.spender === undefined) return []
    if (!operations(evidence, 'create', hex).some(isOk)) return []
    return transaction.spender.inputs.flatMap(input => {
      const outpoint = outpointOf(input)
      const parent = evidence.records.get(outpoint.slice(0, 64))
      const page = Math.floor(input.vout / UTXO_BATCH_SIZE)
      const record = page === 0 ? parent?.master : parent?.pages[page - 1]
      const slot = record?.slots?.[input.vout % UTXO_BATCH_SIZE]
      return spenderIn(slot) === hex && !record?.deletedChildren.includes(hex)
        ? [`${outpoint} holds it, and does not know that it was pruned`]
        : []
    })
  },
}

function isFull(record: FinalPage | undefined): boolean {
  return record?.slots?.every(slot => typeof slot === 'object') === true
}

function slotOf(all: readonly (FinalPage | undefined)[], vout: number): Slot | undefined {
  return all[Math.floor(vout / UTXO_BATCH_SIZE)]?.slots?.[vout % UTXO_BATCH_SIZE]
}

function spenderIn(slot: Slot | undefined): string | undefined {
  return typeof slot === 'object' ? slot.spender : undefined
}

const WRITER_DIED = 'its writer died'

/**
 * A store that died between a change of a page and its count leaves the count as it was. And counts that come in
 * another order than the changes may end where the range of the counter holds them up: too high is harmless, for
 * pages are read before a count is believed; too low keeps the transaction from being pruned.
 */
function whyCountIsOpen({ transaction }: Subject, evidence: PageEvidence): string | undefined {
  const { history } = evidence
  const pages = new Map<number, { readonly spends: Set<Operation>; readonly undoings: Set<Operation> }>()
  for (const vout of transaction.tx.outputs.keys()) {
    const number = Math.floor(vout / UTXO_BATCH_SIZE)
    const page = pages.get(number) ?? { spends: new Set(), undoings: new Set() }
    pages.set(number, page)
    for (const spend of spendsOf(evidence, outpointOf({ parent: transaction.tx, vout }))) {
      page.spends.add(spend)
      // Of several inputs those that succeeded are taken back when another fails.
      if (!isOk(spend) && spend.action.outpoints.length > 1) page.undoings.add(spend)
      for (const unspend of operations(evidence, 'unspend', spend.action.txid)) page.undoings.add(unspend)
    }
  }
  const all = [...pages.values()]
  if (all.some(({ spends, undoings }) => [...spends, ...undoings].some(call => history.hasDied(call))))
    return WRITER_DIED
  const isCrossed = all.some(({ spends, undoings }) =>
    [...undoings].some(undoing => [...spends].some(spend => spend !== undoing && overlap(spend, undoing))),
  )
  return isCrossed ? 'an undoing crossed a spend' : undefined
}

function overlap(one: Operation, other: Operation): boolean {
  return one.startedAt < other.endedAt && other.startedAt < one.endedAt
}

/** A spend that was refused for one input keeps the others, where a parent of that one was being created. */
export function mayHold(spend: Operation): boolean {
  return mayHaveEffect(spend) || ('outpoints' in spend.action && spend.action.outpoints.length > 1)
}

/** Some spend of it is not certainly undone by a later unspend. */
function mayBeSpentAtTheEnd(evidence: PageEvidence, outpoint: string): boolean {
  return spendsOf(evidence, outpoint)
    .filter(mayHold)
    .some(
      spend =>
        !isOk(spend) ||
        !operations(evidence, 'unspend', spend.action.txid).some(
          unspend => isOk(unspend) && unspend.startedAt > spend.endedAt,
        ),
    )
}
