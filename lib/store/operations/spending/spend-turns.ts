import type { AnswerListener, Batcher } from '../../../batching/index.ts'
import type { Transaction } from '../../../bitcoin/index.ts'
import type { StoreError } from '../../../errors/index.ts'
import type { StoreContext } from '../../context/store-context.ts'
import { ABSENT } from '../../txid-table.ts'
import { TxidTurns, type TxidTurnTaker } from '../../waiting/txid-turns.ts'
import type { TurnOptions } from '../../waiting/waiting-line.ts'
import { CreationFinisher } from '../creation/finish-creation.ts'
import type { SpendAnswer, SpendRequest } from './record-groups.ts'
import { type Spend, spend } from './spend.ts'

/** What the spends of one store have in common. */
interface Surroundings {
  readonly context: StoreContext
  readonly batcher: Batcher<SpendRequest, SpendAnswer>
  readonly creations: CreationFinisher
  readonly turns: TxidTurns
}

/** The spends of one store: those of one transaction take turns, and one that fails finishes the creations it met. */
export class SpendTurns {
  readonly #surroundings: Surroundings
  readonly #wait: TurnOptions

  constructor(context: StoreContext, batcher: Batcher<SpendRequest, SpendAnswer>) {
    this.#surroundings = {
      context,
      batcher,
      creations: new CreationFinisher(context),
      turns: new TxidTurns(),
    }
    this.#wait = { what: 'a spend of the same transaction', waitMs: context.settings.spendWaitTimeout }
  }

  /** As `spend`, when the turn of this transaction has come. */
  spend(
    tx: Transaction,
    requests: readonly SpendRequest[],
    end: AnswerListener<Spend[]>,
    signal: AbortSignal | undefined,
  ): void {
    const turn = new SpendTurn(this.#surroundings, tx, requests, end, signal)
    const wait = signal === undefined ? this.#wait : { ...this.#wait, signal }
    this.#surroundings.turns.enter(tx.txid, wait, turn)
  }

  /** Runs work while no spend of this transaction runs in this store. */
  run<Result>({ txid }: Transaction, work: () => Promise<Result>): Promise<Result> {
    return this.#surroundings.turns.take(txid, this.#wait, work)
  }
}

/** One spend's turn, from the wait for it to its end. */
class SpendTurn implements TxidTurnTaker, AnswerListener<Spend[]> {
  readonly #surroundings: Surroundings
  readonly #tx: Transaction
  readonly #requests: readonly SpendRequest[]
  readonly #end: AnswerListener<Spend[]>
  readonly #signal: AbortSignal | undefined
  #turn = ABSENT
  /** Told once: after a second leave the next one's turn would not be its own. */
  #hasEnded = false

  constructor(
    surroundings: Surroundings,
    tx: Transaction,
    requests: readonly SpendRequest[],
    end: AnswerListener<Spend[]>,
    signal: AbortSignal | undefined,
  ) {
    this.#surroundings = surroundings
    this.#tx = tx
    this.#requests = requests
    this.#end = end
    this.#signal = signal
  }

  come(turn: number): void {
    this.#turn = turn
    const { context, batcher } = this.#surroundings
    try {
      spend(context, batcher, this.#tx, this.#requests, this, this.#signal)
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
    this.#surroundings.turns.leave(this.#turn)
    this.#end.succeed(spends)
  }

  /** The creations that it met are finished first, so that the same spend can succeed when it is repeated. */
  fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const { creations, turns } = this.#surroundings
    const pass = (): void => {
      turns.leave(this.#turn)
      this.#end.fail(error)
    }
    creations.finishMet(error).then(pass, pass)
  }
}
