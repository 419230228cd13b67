import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import { type Transaction, txidKey } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { type TurnOptions, Turns, type TurnTaker } from '../../waiting/turns.ts'
import { CreationFinisher } from '../creation/finish-creation.ts'
import type { SpendRequest } from './record-groups.ts'
import { type Spend, spend } from './spend.ts'

/** The spends of one store: those of one transaction take turns, and one that fails finishes the creations it met. */
export class SpendTurns {
  readonly #context: StoreContext
  readonly #batcher: Batcher<SpendRequest, void>
  readonly #creations: CreationFinisher
  readonly #turns = new Turns()
  readonly #wait: TurnOptions

  constructor(context: StoreContext, batcher: Batcher<SpendRequest, void>) {
    this.#context = context
    this.#batcher = batcher
    this.#creations = new CreationFinisher(context)
    this.#wait = { what: 'a spend of the same transaction', waitMs: context.settings.spendWaitTimeout }
  }

  /** As `spend`, when the turn of this transaction has come. */
  spend(
    tx: Transaction,
    requests: readonly SpendRequest[],
    end: AnswerListener<Spend[]>,
    signal: AbortSignal | undefined,
  ): void {
    const key = txidKey(tx.txid)
    const begin = (own: AnswerListener<Spend[]>): void =>
      spend(this.#context, this.#batcher, tx, requests, own, signal)
    const turn = new SpendTurn(key, this.#turns, this.#creations, begin, end)
    this.#turns.enter(key, signal === undefined ? this.#wait : { ...this.#wait, signal }, turn)
  }

  /** Runs work while no spend of this transaction runs in this store. */
  run<Result>({ txid }: Transaction, work: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(txidKey(txid), this.#wait, work)
  }
}

/** One spend's turn, from the wait for it to its end. */
class SpendTurn implements TurnTaker, AnswerListener<Spend[]> {
  readonly #key: string
  readonly #turns: Turns
  readonly #creations: CreationFinisher
  readonly #begin: (end: AnswerListener<Spend[]>) => void
  readonly #end: AnswerListener<Spend[]>
  /** Told once: after a second leave the next one's turn would not be its own. */
  #hasEnded = false

  constructor(
    key: string,
    turns: Turns,
    creations: CreationFinisher,
    begin: (end: AnswerListener<Spend[]>) => void,
    end: AnswerListener<Spend[]>,
  ) {
    this.#key = key
    this.#turns = turns
    this.#creations = creations
    this.#begin = begin
    this.#end = end
  }

  come(): void {
    try {
      this.#begin(this)
    } catch (error) {
      this.fail(error)
    }
  }

  refuse(error: StoreError): void {
    this.#end.fail(error)
  }

  succeed(spends: Spend[]): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#turns.leave(this.#key)
    this.#end.succeed(spends)
  }

  /** The creations that it met are finished first, so that the same spend can succeed when it is repeated. */
  fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const pass = (): void => {
      this.#turns.leave(this.#key)
      this.#end.fail(error)
    }
    this.#creations.finishMet(error).then(pass, pass)
  }
}
