import type { StoreError } from '../../errors/index.ts'
import { TxidTable } from '../txid-table.ts'
import { type TurnOptions, WaitingLine } from './waiting-line.ts'

/** Turns at a time for which there is room from the start. */
const TURNS_EXPECTED = 1024

/** Who wants a turn at a transaction: told once, that it has come, or that it will not. Must not throw. */
export interface TxidTurnTaker {
  /** From now on until `leave` with this number nobody else has the transaction. */
  come(turn: number): void
  refuse(error: StoreError): void
}

/**
 * One at a time for each transaction, in the order they came. Spends of one transaction take turns: a spend that
 * failed in part undoes its successes, and must not undo those of a concurrent spend by the same transaction,
 * which are the same slots with the same spending data.
 */
export class TxidTurns {
  /** The txids of which somebody has the turn; its number stands for the turn. */
  readonly #taken = new TxidTable(TURNS_EXPECTED)
  /** Who waits behind them, by that number; most often nobody, and no line. */
  readonly #lines = new Map<number, WaitingLine>()

  /** Turns that somebody has, and lines behind them. */
  get size(): number {
    return this.#taken.size + this.#lines.size
  }

  /**
   * Runs `work` when those before it have ended. Throws `SERVICE_UNAVAILABLE` when its turn has not come within
   * `waitMs`, and `CONTEXT_CANCELED` when the signal fires before; then `work` is never run.
   */
  async take<Result>(txid: Uint8Array, options: TurnOptions, work: () => Promise<Result>): Promise<Result> {
    const turn = await new Promise<number>((come, refuse) => this.enter(txid, options, { come, refuse }))
    try {
      return await work()
    } finally {
      this.leave(turn)
    }
  }

  /** Has a turn come at once where the transaction is free, and otherwise when those before have left. */
  enter(txid: Uint8Array, options: TurnOptions, taker: TxidTurnTaker): void {
    const takenBefore = this.#taken.size
    const turn = this.#taken.add(txid)
    if (this.#taken.size > takenBefore) taker.come(turn)
    else
      this.#lineOf(turn).wait(options, {
        come: () => taker.come(turn),
        refuse: error => taker.refuse(error),
      })
  }

  /** Ends the turn of whom it had come to. */
  leave(turn: number): void {
    if (this.#lines.size > 0) {
      if (this.#lines.get(turn)?.next()) return
      this.#lines.delete(turn)
    }
    this.#taken.remove(turn)
  }

  #lineOf(turn: number): WaitingLine {
    const known = this.#lines.get(turn)
    if (known !== undefined) return known
    const line = new WaitingLine()
    this.#lines.set(turn, line)
    return line
  }
}
