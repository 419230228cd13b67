import type { BatchRow, RowAnswer } from './transport.ts'

export interface AlignedAnswers {
  /** `byRow[i]` answers row i; undefined where no answer came. */
  readonly byRow: readonly (RowAnswer | undefined)[]
  /** Answers that belong to no row, or came for a row that had one already. The first one counts. */
  readonly surplus: number
}

/**
 * Gives each row its own answer, whatever the order, number or shape of what a transport returned. A shifted
 * answer would tell one caller the result of another (semantics 4.6), so nothing here goes by order.
 */
export function alignAnswers(rows: readonly BatchRow[], answers: unknown): AlignedAnswers {
  const byRow = new Array<RowAnswer | undefined>(rows.length).fill(undefined)
  if (!Array.isArray(answers)) return { byRow, surplus: 0 }
  let surplus = 0
  for (const answer of answers as readonly unknown[]) {
    if (!isRowAnswer(answer) || answer.index >= rows.length || byRow[answer.index] !== undefined) surplus += 1
    else byRow[answer.index] = answer
  }
  return { byRow, surplus }
}

function isRowAnswer(answer: unknown): answer is RowAnswer {
  if (typeof answer !== 'object' || answer === null) return false
  const { index, status } = answer as Partial<RowAnswer>
  return Number.isSafeInteger(index) && (index as number) >= 0 && Number.isSafeInteger(status)
}
