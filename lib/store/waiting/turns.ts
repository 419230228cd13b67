import { type TurnOptions, WaitingLine } from './waiting-line.ts'

/** Work that runs one at a time, in the order it came. */
export class Turns {
  #isTaken = false
  readonly #line = new WaitingLine()

  /**
   * Runs `work` when what came before has ended. Throws `SERVICE_UNAVAILABLE` when its turn has not come within
   * `waitMs`, and `CONTEXT_CANCELED` when the signal fires before; then `work` is never run.
   */
  async take<Result>(options: TurnOptions, work: () => Promise<Result>): Promise<Result> {
    if (this.#isTaken) await new Promise<void>((come, refuse) => this.#line.wait(options, { come, refuse }))
    this.#isTaken = true
    try {
      return await work()
    } finally {
      this.#isTaken = this.#line.next()
    }
  }
}
