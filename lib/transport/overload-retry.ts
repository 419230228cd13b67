import { StoreError } from '../errors/index.ts'
import { alignAnswers } from './align-answers.ts'
import { BatchError } from './batch-error.ts'
import { CLIENT_STATUS, isOverload } from './result-status.ts'
import type { BatchOptions, BatchRow, RowAnswer, Transport } from './transport.ts'

export interface OverloadRetryOptions {
  /** Budget of one batch in milliseconds, from its first attempt on; no attempt begins after it. 0 never retries. */
  maxElapsedMs: number
  /** Pause before the second attempt; it doubles from one to the next. */
  baseDelayMs: number
  maxDelayMs: number
  /** The store is closing: nothing is sent again from then on. */
  closing: AbortSignal
  onRetry?(event: { rows: number; attempt: number; delayMs: number }): void
  now?(): number
  /** From 0 up to, not including, 1. */
  random?(): number
  /** Resolves after `ms`, or at once when a signal fires. */
  sleep?(ms: number, signals: readonly AbortSignal[]): Promise<void>
}

const JITTER = 0.25

/**
 * Sends rows again that a server or the client's back-off definitely refused for load, and only those: what was
 * answered stays answered, and is merged by row (semantics 6.2, lessons 78 and 79). A timeout, or anything in
 * doubt, is never sent again: the row may have been applied.
 *
 * Stands in front of the connection permits, so that a batch holds none while it pauses (lesson 80).
 */
export class OverloadRetry implements Transport {
  readonly #inner: Transport
  readonly #options: Required<Omit<OverloadRetryOptions, 'onRetry'>> & Pick<OverloadRetryOptions, 'onRetry'>

  constructor(inner: Transport, options: OverloadRetryOptions) {
    this.#inner = inner
    this.#options = { now: () => performance.now(), random: Math.random, sleep, ...options }
  }

  get preparesStatements(): boolean | undefined {
    return this.#inner.preparesStatements
  }

  async batchOperate(rows: readonly BatchRow[], options: BatchOptions): Promise<readonly RowAnswer[]> {
    const { maxElapsedMs, now } = this.#options
    const endsAtMs = now() + maxElapsedMs
    const first = await this.#attempt(rows, options)
    const refused =
      first.status === 'refused' ? rows.map((_, index) => index) : refusedRows(rows, first.answers, options)
    // The usual case: whatever came goes on as it is.
    if (refused.length === 0 || options.retryOverload === false) return unchanged(first)
    return this.#retried(rows, options, { first, refused, endsAtMs })
  }

  async #retried(
    rows: readonly BatchRow[],
    options: BatchOptions,
    { first, refused, endsAtMs }: { first: Attempt; refused: readonly number[]; endsAtMs: number },
  ): Promise<readonly RowAnswer[]> {
    const merged = new Array<RowAnswer | undefined>(rows.length)
    if (first.status === 'answered')
      for (const answer of alignAnswers(rows, first.answers).byRow) if (answer) merged[answer.index] = answer
    let last = first
    let open = refused
    for (let attempt = 2; open.length > 0; attempt += 1) {
      if (!(await this.#pause(attempt, open.length, endsAtMs, options))) break
      const sent = open.map(index => rows[index] as BatchRow) // indexes of these very rows
      try {
        last = await this.#attempt(sent, options)
      } catch (error) {
        if (open.length === rows.length) throw error
        for (const [place, index] of open.entries())
          merged[index] = failedAnswer(index, sent[place] as BatchRow, error)
        break
      }
      if (last.status === 'refused') continue
      const { byRow } = alignAnswers(sent, last.answers)
      for (const [place, index] of open.entries()) {
        const answer = byRow[place]
        merged[index] = answer === undefined ? undefined : { ...answer, index }
      }
      const again = refusedRows(sent, last.answers, options)
      open = again.map(place => open[place] as number) // places among the rows just sent
    }
    if (last.status === 'refused' && open.length === rows.length) throw last.error
    return merged.filter(answer => answer !== undefined)
  }

  async #attempt(rows: readonly BatchRow[], options: BatchOptions): Promise<Attempt> {
    try {
      return { status: 'answered', answers: await this.#inner.batchOperate(rows, options) }
    } catch (error) {
      if (error instanceof BatchError && !error.inDoubt && isOverload(error.status))
        return { status: 'refused', error }
      throw error
    }
  }

  /** Whether another attempt may be made, after the pause before it. */
  async #pause(attempt: number, rows: number, endsAtMs: number, { signal }: BatchOptions): Promise<boolean> {
    const { baseDelayMs, maxDelayMs, now, random, closing, onRetry } = this.#options
    const steady = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 2))
    const delayMs = steady * (1 - JITTER + 2 * JITTER * random())
    const isOver = (): boolean => closing.aborted || signal?.aborted === true
    if (isOver() || now() + delayMs > endsAtMs) return false
    await this.#options.sleep(delayMs, signal === undefined ? [closing] : [closing, signal])
    if (isOver()) return false
    onRetry?.({ rows, attempt, delayMs })
    return true
  }
}

type Attempt =
  | { readonly status: 'answered'; readonly answers: readonly RowAnswer[] }
  /** The whole call was refused for load, and nothing was applied. */
  | { readonly status: 'refused'; readonly error: BatchError }

function unchanged(attempt: Attempt): readonly RowAnswer[] {
  if (attempt.status === 'refused') throw attempt.error
  return attempt.answers
}

/**
 * Places of the rows to send again. Rows without a response count where every other row was refused: then the
 * call was refused as a whole before it came to them. Not of changes that count twice: a server may as well have left
 * them out of its answer.
 */
function refusedRows(rows: readonly BatchRow[], answers: unknown, { once }: BatchOptions): number[] {
  if (!Array.isArray(answers) || !answers.some(answer => isRefusal(answer))) return []
  const { byRow } = alignAnswers(rows, answers)
  const isWhole = once !== true && byRow.every(answer => isRefusal(answer) || isNoResponse(answer))
  return byRow.flatMap((answer, place) =>
    isRefusal(answer) || (isWhole && isNoResponse(answer)) ? [place] : [],
  )
}

function isRefusal(answer: RowAnswer | undefined | null): boolean {
  return answer !== undefined && answer !== null && isOverload(answer.status) && answer.inDoubt !== true
}

function isNoResponse(answer: RowAnswer | undefined): boolean {
  return answer?.status === CLIENT_STATUS.NO_RESPONSE && answer.inDoubt !== true
}

/**
 * A later attempt failed as a whole, and the answers of the others are kept. Its rows were refused before, and may have
 * been applied now, unless the failure says otherwise.
 */
function failedAnswer(index: number, row: BatchRow, error: unknown): RowAnswer {
  const status = error instanceof BatchError ? error.status : CLIENT_STATUS.CLIENT_ERROR
  return { index, status, bins: undefined, inDoubt: row.kind !== 'read' && !wasNotApplied(error) }
}

/** `SERVICE_UNAVAILABLE`: no permit came, and nothing was sent. */
function wasNotApplied(error: unknown): boolean {
  if (error instanceof BatchError) return !error.inDoubt
  return error instanceof StoreError && error.code === 'SERVICE_UNAVAILABLE'
}

function sleep(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    for (const signal of signals) {
      if (signal.aborted) return end()
      signal.addEventListener('abort', end, { once: true })
    }
  })
}
