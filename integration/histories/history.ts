import type { ErrorCode } from 'aerospike-utxo-store'

/** What one call did, as its caller knows it. */
export type Outcome =
  | { readonly kind: 'ok' }
  /** A verdict on the data: the call certainly had no effect of its own. */
  | { readonly kind: 'refused'; readonly code: ErrorCode }
  /** A timeout, an abort, a fault: it may have taken effect, and may still. */
  | { readonly kind: 'unknown'; readonly code: string }

export type Action =
  | { readonly name: 'create'; readonly txid: string; readonly locked: boolean }
  | { readonly name: 'delete'; readonly txid: string }
  | { readonly name: 'spend'; readonly txid: string; readonly outpoints: readonly string[] }
  | { readonly name: 'unspend'; readonly txid: string; readonly outpoints: readonly string[] }
  | { readonly name: 'setLocked'; readonly txid: string; readonly value: boolean }
  | { readonly name: 'setConflicting'; readonly txid: string; readonly value: boolean }
  | { readonly name: 'setMined'; readonly txid: string; readonly blockId: number; readonly unset: boolean }
  | { readonly name: 'freeze'; readonly txid: string; readonly outpoint: string; readonly value: boolean }
  | { readonly name: 'preserve'; readonly txid: string }
  | { readonly name: 'get'; readonly txid: string }

/** What a read saw; undefined: no record. */
export type Seen =
  | {
      readonly spenders: readonly (string | undefined)[]
      /** Of each output, as the store tells it. */
      readonly states?: readonly string[]
    }
  | undefined

export interface Operation {
  readonly action: Action
  /** Which store was called; one that was opened again counts as another. */
  readonly store: number
  /** Ticks of one clock for all operations: no two moments are the same. */
  readonly startedAt: number
  endedAt: number
  outcome: Outcome | undefined
  seen?: Seen
}

/** Verdicts after which nothing of the call is left. Everything else leaves its outcome open. */
const VERDICT = /^(TX|UTXO)_/

export function outcomeOf(code: string): Outcome {
  return VERDICT.test(code) ? { kind: 'refused', code: code as ErrorCode } : { kind: 'unknown', code }
}

/** Everything that was called in an epoch, in the order of its beginning. */
export class History {
  readonly operations: Operation[] = []
  /** By name and txid, and spends by outpoint. */
  readonly #index = new Map<string, Operation[]>()
  readonly #deaths = new Map<number, number>()
  readonly #notes: { readonly at: number; readonly text: string }[] = []
  #now = 0

  begin(action: Action, store: number): Operation {
    const operation: Operation = {
      action,
      store,
      startedAt: this.#now++,
      endedAt: Number.POSITIVE_INFINITY,
      outcome: undefined,
    }
    this.operations.push(operation)
    this.#file(`${action.name} ${action.txid}`, operation)
    if (action.name === 'spend') for (const outpoint of action.outpoints) this.#file(outpoint, operation)
    return operation
  }

  end(operation: Operation, outcome: Outcome, seen?: Seen): void {
    if (operation.outcome !== undefined) throw new Error(`answered twice: ${describe(operation)}`)
    operation.endedAt = this.#now++
    operation.outcome = outcome
    if (seen !== undefined) operation.seen = seen
  }

  /** The store died: what its calls under way have left undone, nobody does. */
  died(store: number): void {
    this.#deaths.set(store, this.#now++)
  }

  /** Something happened beside the calls, which may explain what they saw. */
  note(text: string): void {
    this.#notes.push({ at: this.#now++, text })
  }

  notesBetween(from: number, to: number): string[] {
    return this.#notes.filter(({ at }) => at >= from && at <= to).map(({ at, text }) => `[${at}] ${text}`)
  }

  /** Its store died while it was under way. */
  hasDied({ store, startedAt, endedAt }: Operation): boolean {
    const diedAt = this.#deaths.get(store)
    return diedAt !== undefined && startedAt < diedAt && endedAt > diedAt
  }

  of(name: Action['name'], txid: string): readonly Operation[] {
    return this.#index.get(`${name} ${txid}`) ?? []
  }

  /** The spends that have an output among their inputs. */
  spending(outpoint: string): readonly Operation[] {
    return this.#index.get(outpoint) ?? []
  }

  get unanswered(): Operation[] {
    return this.operations.filter(({ outcome }) => outcome === undefined)
  }

  /** What a reader needs to follow a violation: the calls on a transaction, and on its outputs or on one of them. */
  touching(txid: string, outpoint = txid): Operation[] {
    return this.operations.filter(
      ({ action }) =>
        action.txid === txid ||
        ('outpoints' in action && action.outpoints.some(spent => spent.startsWith(outpoint))),
    )
  }

  #file(key: string, operation: Operation): void {
    const filed = this.#index.get(key)
    if (filed === undefined) this.#index.set(key, [operation])
    else filed.push(operation)
  }
}

export function describe({ action, store, startedAt, endedAt, outcome }: Operation): string {
  const { name, ...details } = action
  const result =
    outcome === undefined ? 'no answer' : outcome.kind === 'ok' ? 'ok' : `${outcome.kind} ${outcome.code}`
  return shortened(`[${startedAt}..${endedAt}] store ${store} ${name} ${JSON.stringify(details)}: ${result}`)
}

/** With the first eight digits of each txid. */
export function shortened(text: string): string {
  return text.replaceAll(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, '$1')
}
