import type { FinalRecord, Slot } from './final-state.ts'
import type { Action, History, Operation } from './history.ts'
import { type Output, outpointOf, type Universe } from './universe.ts'

export interface Violation {
  readonly rule: string
  readonly txid: string
  /** The output, where the rule is about one. */
  readonly outpoint?: string
  readonly text: string
  /** The moments between which it came about, where they are known. */
  readonly between?: readonly [from: number, to: number]
}

export interface Evidence {
  readonly universe: Universe
  readonly history: History
  /** By display-hex txid, parents and spenders. */
  readonly records: ReadonlyMap<string, FinalRecord | undefined>
}

type ActionName = Action['name']
export type Of<Name extends ActionName> = Operation & { readonly action: Extract<Action, { name: Name }> }

/** Every rule that must hold after an epoch, whatever failed in it. */
export function violations(evidence: Evidence): Violation[] {
  return [
    ...everyCallAnswered(evidence),
    ...acknowledgedCreatesStay(evidence),
    ...acknowledgedSpendsStay(evidence),
    ...spendersTried(evidence),
    ...readsSeeWhatWasAcknowledged(evidence),
    ...countersEqualSlots(evidence),
    ...deleteAtHeightByRule(evidence),
    ...flagsAsLastSet(evidence),
    ...blocksAsLastSet(evidence),
    ...freezesAsLastSet(evidence),
  ]
}

function everyCallAnswered({ history }: Evidence): Violation[] {
  return history.unanswered.map(({ action }) => ({
    rule: 'every call is answered',
    txid: action.txid,
    text: `${action.name} has no answer`,
  }))
}

function acknowledgedCreatesStay(evidence: Evidence): Violation[] {
  const found: Violation[] = []
  for (const [txid, record] of evidence.records) {
    const creates = operations(evidence, 'create', txid)
    const deletes = operations(evidence, 'delete', txid)
    const acknowledged = creates.filter(isOk)
    if (record === undefined && acknowledged.length > 0 && !deletes.some(mayHaveEffect)) {
      found.push({ rule: 'an acknowledged create stays', txid, text: 'there is no record' })
    }
    if (record !== undefined && !creates.some(mayHaveEffect)) {
      found.push({ rule: 'only a create makes a record', txid, text: 'a record that nobody created' })
    }
    const possible = creates.filter(mayHaveEffect)
    const isGone = deletes.some(
      deletion => isOk(deletion) && possible.every(create => lastMoment(create) < deletion.startedAt),
    )
    if (record !== undefined && isGone) {
      found.push({ rule: 'an acknowledged delete stays', txid, text: 'the record is back' })
    }
  }
  return found
}

/**
 * An acknowledged spend holds its slot at the end, unless an unspend of the same transaction may have come
 * after it. With this, no two spends of one output by different transactions can both be acknowledged.
 */
function acknowledgedSpendsStay(evidence: Evidence): Violation[] {
  return outputsOf(evidence).flatMap(({ outpoint, txid, slot }) => {
    return spendsOf(evidence, outpoint)
      .filter(isOk)
      .filter(spend => holder(slot) !== spend.action.txid)
      .filter(spend => !mayBeUndone(evidence, outpoint, spend))
      .map(spend => ({
        rule: 'an acknowledged spend stays',
        txid,
        outpoint,
        text: `${outpoint} was spent by ${spend.action.txid}, but holds ${display(slot)}`,
      }))
  })
}

/** An unspend, or a failed attempt elsewhere, may have taken an acknowledged spend back. */
export function mayBeUndone(
  evidence: Pick<Evidence, 'history'>,
  outpoint: string,
  spend: Of<'spend'>,
): boolean {
  const { txid } = spend.action
  const isUnspent = operations(evidence, 'unspend', txid).some(
    unspend =>
      // Of several outputs some may be undone although the call failed.
      unspend.action.outpoints.includes(outpoint) && lastMoment(unspend) > spend.startedAt,
  )
  return isUnspent || mayBeRolledBackElsewhere(evidence, spend)
}

/**
 * The gap that README states: while a transaction has no record, a failed attempt at it by another store, or by
 * the same one after a restart, takes its spends back, since nothing tells it of the success elsewhere. One of unknown
 * outcome may still be doing so after its caller was released.
 */
function mayBeRolledBackElsewhere(evidence: Pick<Evidence, 'history'>, spend: Of<'spend'>): boolean {
  const { txid } = spend.action
  const created = operations(evidence, 'create', txid).filter(isOk)
  return operations(evidence, 'spend', txid).some(
    other =>
      other.store !== spend.store &&
      !isOk(other) &&
      (other.outcome?.kind !== 'refused' || other.endedAt > spend.startedAt) &&
      !created.some(({ endedAt }) => endedAt < other.startedAt),
  )
}

function spendersTried(evidence: Evidence): Violation[] {
  return outputsOf(evidence).flatMap(({ outpoint, txid, slot }) => {
    const spender = holder(slot)
    if (spender === undefined) return []
    if (spendsOf(evidence, outpoint).some(({ action }) => action.txid === spender)) return []
    return [
      { rule: 'only a spend fills a slot', txid, text: `${outpoint} holds ${spender}, who never tried` },
    ]
  })
}

/** What was acknowledged before a read began is seen by it: no stale or foreign answer. */
function readsSeeWhatWasAcknowledged(evidence: Evidence): Violation[] {
  const found: Violation[] = []
  for (const { hex: txid, tx } of evidence.universe.parents) {
    const deletes = operations(evidence, 'delete', txid).filter(mayHaveEffect)
    const creates = operations(evidence, 'create', txid).filter(isOk)
    for (const read of operations(evidence, 'get', txid)) {
      if (deletes.some(({ startedAt }) => startedAt < read.endedAt)) continue
      const isMissing = read.outcome?.kind === 'refused' && read.outcome.code === 'TX_NOT_FOUND'
      if (isMissing && creates.some(({ endedAt }) => endedAt < read.startedAt)) {
        found.push({ rule: 'a read sees an acknowledged create', txid, text: 'TX_NOT_FOUND' })
      }
      if (read.seen === undefined) continue
      for (const [vout, seen] of read.seen.spenders.entries()) {
        const outpoint = outpointOf({ parent: tx, vout })
        for (const spend of spendsOf(evidence, outpoint)) {
          if (!isOk(spend) || spend.endedAt > read.startedAt || seen === spend.action.txid) continue
          if (mayBeUndone(evidence, outpoint, spend)) continue
          found.push({
            rule: 'a read sees an acknowledged spend',
            txid,
            outpoint,
            text: `${outpoint} spent by ${spend.action.txid} at ${spend.endedAt}, seen from ${read.startedAt} as ${seen ?? read.seen.states?.[vout] ?? 'not spent'}`,
            between: [spend.startedAt, read.endedAt],
          })
        }
      }
    }
  }
  return found
}

function countersEqualSlots({ records }: Evidence): Violation[] {
  const found: Violation[] = []
  for (const [txid, record] of records) {
    if (record === undefined) continue
    const spent = record.slots.filter(slot => holder(slot) !== undefined).length
    if (record.spentUtxos !== spent) {
      found.push({
        rule: 'counters equal the slots',
        txid,
        text: `${record.spentUtxos} counted, ${spent} spent`,
      })
    }
    if (record.recordUtxos !== record.slots.length) {
      found.push({
        rule: 'counters equal the slots',
        txid,
        text: `recordUtxos ${record.recordUtxos}, ${record.slots.length} slots`,
      })
    }
  }
  return found
}

/** Semantics 2.9: a height where nothing is left to spend and a block holds it, or it conflicts; else none. */
function deleteAtHeightByRule(evidence: Evidence): Violation[] {
  const found: Violation[] = []
  for (const [txid, record] of evidence.records) {
    if (record === undefined) continue
    const isDone = record.spentUtxos === record.recordUtxos && record.blockIds.length > 0 && !record.isUnmined
    const isSet = record.deleteAtHeight !== undefined
    const wasEver = (name: 'setLocked' | 'setConflicting') =>
      operations(evidence, name, txid).some(operation => mayHaveEffect(operation) && operation.action.value)
    if (isSet && !isDone && !record.conflicting) {
      found.push({
        rule: 'delete-at-height by the rule',
        txid,
        text: 'a record with outputs to spend, or without a block, would be deleted',
      })
    }
    // A lock takes the height away, and unlocking looks at nothing again (semantics 3.8).
    const lockedAtCreation = operations(evidence, 'create', txid).some(({ action }) => action.locked)
    if (!isSet && isDone && !wasEver('setLocked') && !wasEver('setConflicting') && !lockedAtCreation) {
      found.push({ rule: 'delete-at-height by the rule', txid, text: 'a record that is done has none' })
    }
  }
  return found
}

/** Each flag has the value of a call that no later acknowledged call came after. */
function flagsAsLastSet(evidence: Evidence): Violation[] {
  const found: Violation[] = []
  for (const [txid, record] of evidence.records) {
    if (record === undefined) continue
    if (record.creating) found.push({ rule: 'no creating flag is left', txid, text: 'creating is set' })
    const expect = (flag: 'locked' | 'conflicting', writes: readonly Write<boolean>[]): void => {
      const possible = lastValues(writes)
      if (possible.has(record[flag])) return
      found.push({
        rule: 'flags are as they were last set',
        txid,
        text: `${flag} is ${record[flag]}, possible: ${[...possible].join(', ')}`,
      })
    }
    const creates = operations(evidence, 'create', txid)
    expect('locked', [
      ...creates.map(operation => ({ operation, value: operation.action.locked })),
      ...operations(evidence, 'setLocked', txid).map(operation => ({
        operation,
        value: operation.action.value,
      })),
      // A block lifts the lock (semantics 2.4).
      ...operations(evidence, 'setMined', txid).map(operation => ({ operation, value: false })),
    ])
    expect('conflicting', [
      ...creates.map(operation => ({ operation, value: false })),
      ...operations(evidence, 'setConflicting', txid).map(operation => ({
        operation,
        value: operation.action.value,
      })),
    ])
  }
  return found
}

function blocksAsLastSet(evidence: Evidence): Violation[] {
  const found: Violation[] = []
  for (const [txid, record] of evidence.records) {
    if (record === undefined) continue
    const calls = operations(evidence, 'setMined', txid)
    for (const blockId of new Set(calls.map(({ action }) => action.blockId))) {
      const writes: Write<boolean>[] = [
        ...operations(evidence, 'create', txid).map(operation => ({ operation, value: false })),
        ...calls
          .filter(({ action }) => action.blockId === blockId)
          .map(operation => ({ operation, value: !operation.action.unset })),
      ]
      const isListed = record.blockIds.includes(blockId)
      if (!lastValues(writes).has(isListed)) {
        found.push({
          rule: 'blocks are as they were last set',
          txid,
          text: `block ${blockId} is ${isListed ? '' : 'not '}listed`,
        })
      }
    }
    if (new Set(record.blockIds).size !== record.blockIds.length) {
      found.push({ rule: 'blocks are as they were last set', txid, text: 'a block is listed twice' })
    }
  }
  return found
}

/** A freeze has a record as long as it is not lifted, and an output that nobody spent carries the sentinel. */
function freezesAsLastSet(evidence: Evidence): Violation[] {
  return outputsOf(evidence).flatMap(({ outpoint, txid, slot, isFrozen }) => {
    if (slot === undefined) return []
    const calls = operations(evidence, 'freeze', txid).filter(({ action }) => action.outpoint === outpoint)
    const possible = lastValues([
      ...operations(evidence, 'create', txid).map(operation => ({ operation, value: false })),
      ...calls.map(operation => ({ operation, value: operation.action.value })),
    ])
    const rule = 'freezes are as they were last set'
    if (!possible.has(isFrozen)) {
      const text = `${outpoint} is ${isFrozen ? '' : 'not '}frozen, possible: ${[...possible].join(', ')}`
      return [{ rule, txid, outpoint, text }]
    }
    if (slot !== 'frozen' || isFrozen) return []
    return [{ rule, txid, outpoint, text: `${outpoint} carries the sentinel without a freeze` }]
  })
}

interface Write<Value> {
  readonly operation: Operation
  readonly value: Value
}

/** The values a register may have: those of writes that no acknowledged write began after. */
function lastValues<Value>(writes: readonly Write<Value>[]): Set<Value> {
  const effective = writes.filter(({ operation }) => mayHaveEffect(operation))
  const latestStart = Math.max(
    Number.NEGATIVE_INFINITY,
    ...effective.filter(({ operation }) => isOk(operation)).map(({ operation }) => operation.startedAt),
  )
  return new Set(
    effective.filter(({ operation }) => lastMoment(operation) >= latestStart).map(({ value }) => value),
  )
}

interface SlotAtEnd {
  readonly outpoint: string
  readonly txid: string
  /** Undefined where the record is gone. */
  readonly slot: Slot | undefined
  readonly isFrozen: boolean
}

function outputsOf({ universe, records }: Evidence): SlotAtEnd[] {
  return universe.parents.flatMap(({ tx, hex, mayBeDeleted }) =>
    // A deleted and re-created parent has forgotten its spends.
    mayBeDeleted
      ? []
      : tx.outputs.map((_, vout) => ({
          outpoint: outpointOf({ parent: tx, vout } satisfies Output),
          txid: hex,
          slot: records.get(hex)?.slots[vout],
          isFrozen: records.get(hex)?.frozen.includes(vout) ?? false,
        })),
  )
}

export function operations<Name extends ActionName>(
  { history }: Pick<Evidence, 'history'>,
  name: Name,
  txid: string,
): Of<Name>[] {
  return history.of(name, txid) as Of<Name>[]
}

export function spendsOf({ history }: Pick<Evidence, 'history'>, outpoint: string): Of<'spend'>[] {
  return history.spending(outpoint) as Of<'spend'>[]
}

export function isOk({ outcome }: Operation): boolean {
  return outcome?.kind === 'ok'
}

/** TX_EXISTS included: the transport may have sent a create twice, and it then meets itself. */
export function mayHaveEffect({ outcome }: Operation): boolean {
  return outcome?.kind !== 'refused' || outcome.code === 'TX_EXISTS'
}

/** Until when a call may take effect: one with an open outcome may do so at any time after. */
export function lastMoment({ outcome, endedAt }: Operation): number {
  const isDone = outcome?.kind === 'ok' || (outcome?.kind === 'refused' && outcome.code === 'TX_EXISTS')
  return isDone ? endedAt : Number.POSITIVE_INFINITY
}

function holder(slot: Slot | undefined): string | undefined {
  return typeof slot === 'object' ? slot.spender : undefined
}

function display(slot: Slot | undefined): string {
  if (slot === undefined) return 'nothing: there is no record'
  return typeof slot === 'object' ? `${slot.spender}:${slot.vin}` : slot
}
