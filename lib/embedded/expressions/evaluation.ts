import { RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { Operand } from './operand.ts'
import type { ExpressionSubject } from './subject.ts'

/**
 * Steps that one evaluation may take, which is about two seconds: an expression may call for the same large value,
 * or a slow pattern, thousands of times, and nothing else is served meanwhile.
 */
const STEPS_MAX = 100_000_000

/** One evaluation of an expression. */
export class Evaluation {
  readonly subject: ExpressionSubject
  /** The values of `let`, by the slot that each got when it was parsed. */
  readonly variables: (Operand | undefined)[] = []
  #stepsLeft: number

  constructor(subject: ExpressionSubject, stepsMax: number = STEPS_MAX) {
    this.subject = subject
    this.#stepsLeft = stepsMax
  }

  /**
   * Accounts for work that grows with the size of values, before it is done. However large, it is let through as long
   * as there are steps left.
   *
   * @throws CommandError TIMEOUT
   */
  spend(steps: number): void {
    if (this.#stepsLeft < 0) throw new CommandError(RESULT_CODES.TIMEOUT, 'expression takes too long')
    this.#stepsLeft -= steps
  }
}
