import { setTimeout as delay } from 'node:timers/promises'
import { ProtocolError, RESULT_CODES } from '../../protocol/index.ts'
import { BatchError } from '../batch-error.ts'
import { CLIENT_STATUS } from '../result-status.ts'
import type { BatchRow, RowAnswer } from '../transport.ts'
import { AnswerBudget } from './answer-budget.ts'
import type { RowMessage } from './answer-reader.ts'
import { type MissingAnswer, NO_NODE, NO_TIME_LEFT, UNAVAILABLE, unanswered } from './missing-answer.ts'
import type { WireNode } from './node.ts'
import { NodeRequest } from './node-request.ts'
import type { BatchRequestBytes } from './request.ts'
import { SendFailure } from './send-failure.ts'
import { rowWithSharedFilter } from './shared-filter.ts'
import { decodeBins } from './value-decoding.ts'

/** What a run needs of the transport. */
export interface BatchSurroundings {
  /** The node for a record, by its digest; another one for each further attempt, where there is one. */
  nodeFor(row: BatchRow, digest: string, attempt: number): WireNode | undefined
  digest(row: BatchRow): string
  /** The owners of partitions may have changed. */
  suspectOwners(): void
  takeBytes(): BatchRequestBytes
  giveBackBytes(bytes: BatchRequestBytes): void
  /** The first of so many numbers that no other request of late has used for its rows. */
  takeIndexes(count: number): number
}

export interface RunOptions {
  readonly timeoutMs: number
  /** Time in milliseconds for one attempt. */
  readonly attemptTimeoutMs: number
  /** Attempts after the first, for rows without an answer. */
  readonly maxRetries: number
  /** The longest pause between two attempts, in milliseconds; 0 for none. */
  readonly pauseMsMax: number
  /** Rows that were sent are not sent again: what they change counts twice when it is done twice. */
  readonly once?: boolean | undefined
  readonly signal: AbortSignal | undefined
}

const PAUSE_MS_MIN = 20

/**
 * One batch on its way: split by node, and where a request would become too large; sent, answers merged by row, and
 * what has no answer sent again as far as that is allowed.
 *
 * The rows of a request are numbered from a number that no request before it had, so that an answer that comes
 * late or twice on a connection that was used again cannot be taken for another batch's.
 */
export class BatchRun {
  readonly #rows: readonly BatchRow[]
  readonly #surroundings: BatchSurroundings
  readonly #options: RunOptions
  readonly #endsAtMs: number
  readonly #answers: (RowAnswer | undefined)[]
  readonly #budget = new AnswerBudget()
  /** The request of each row in this attempt; absent while there is one only. */
  #requestOf: Uint16Array | undefined
  #attempt = 0
  #firstIndex = 0
  #answeredByServer = 0
  /** Rows that may be sent again, with what stood in their way. */
  readonly #again = new Map<number, MissingAnswer>()
  /** Rows that may have been applied by an earlier attempt. */
  readonly #sentBefore = new Set<number>()
  #firstMissing: MissingAnswer | undefined

  constructor(rows: readonly BatchRow[], surroundings: BatchSurroundings, options: RunOptions) {
    this.#rows = rows
    this.#surroundings = surroundings
    this.#options = options
    this.#endsAtMs = performance.now() + options.timeoutMs
    this.#answers = new Array<RowAnswer | undefined>(rows.length).fill(undefined)
  }

  /**
   * @throws BatchError when the servers answered no row at all
   * @throws InvalidArgumentError for rows that cannot be encoded; nothing was sent
   */
  async answers(): Promise<readonly RowAnswer[]> {
    await this.#send(undefined)
    while (this.#again.size > 0) {
      if (!(await this.#mayTryAgain())) break
      this.#attempt += 1
      const again = [...this.#again]
      this.#again.clear()
      for (const [place, { wasSent }] of again) if (wasSent) this.#sentBefore.add(place)
      await this.#send(again.map(([place]) => place))
    }
    for (const [place, missing] of this.#again) this.#settle(place, missing)
    return this.#result()
  }

  #result(): readonly RowAnswer[] {
    const missing = this.#firstMissing
    if (this.#answeredByServer === 0 && missing !== undefined) {
      const inDoubt = this.#answers.some(answer => answer?.inDoubt === true)
      throw new BatchError(missing.message, missing.status, inDoubt)
    }
    return this.#answers as RowAnswer[] // each row was answered or settled
  }

  /** Whether there is another attempt, and time for it; waits before it where a node could not be reached. */
  async #mayTryAgain(): Promise<boolean> {
    const { maxRetries, pauseMsMax, signal } = this.#options
    if (this.#attempt >= maxRetries || signal?.aborted) return false
    const wasRefused = [...this.#again.values()].some(({ wasSent }) => !wasSent)
    const pauseMs = wasRefused ? Math.min(pauseMsMax, PAUSE_MS_MIN * 2 ** this.#attempt) : 0
    if (performance.now() + pauseMs >= this.#endsAtMs) return false
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => {})
    return signal?.aborted !== true
  }

  /** One attempt at the rows of these places, or all. Resolves when each has an answer or a place in `#again`. */
  async #send(places: readonly number[] | undefined): Promise<void> {
    const requests = this.#encode(places)
    const [only, ...others] = requests
    if (only === undefined) return
    if (others.length === 0) await this.#exchange(only)
    else await this.#exchangeAll(requests)
  }

  /** One node's requests one after the other: a batch is admitted for one connection to each node. */
  async #exchangeAll(requests: readonly NodeRequest[]): Promise<void> {
    const ends = new Map<WireNode, Promise<void>>()
    for (const request of requests) {
      const before = ends.get(request.node)
      const end =
        before === undefined ? this.#exchange(request) : before.then(() => this.#exchangeLater(request))
      ends.set(request.node, end)
    }
    await Promise.all(ends.values())
  }

  async #exchangeLater(request: NodeRequest): Promise<void> {
    if (performance.now() < this.#endsAtMs) await this.#exchange(request)
    else this.#missAll(request, NO_TIME_LEFT)
  }

  #encode(places: readonly number[] | undefined): readonly NodeRequest[] {
    const rows = this.#rows
    const surroundings = this.#surroundings
    const requests: NodeRequest[] = []
    const count = places?.length ?? rows.length
    this.#firstIndex = surroundings.takeIndexes(rows.length)
    try {
      const likeAll = rowWithSharedFilter(rows)
      for (let at = 0; at < count; at++) {
        const place = places === undefined ? at : (places[at] ?? 0)
        const row = rows[place] as BatchRow // a place of these rows
        const digest = surroundings.digest(row)
        const node = surroundings.nodeFor(row, digest, this.#attempt)
        if (node === undefined) {
          surroundings.suspectOwners()
          this.#miss(place, NO_NODE)
          continue
        }
        const index = (this.#firstIndex + place) >>> 0
        let request = latestOf(requests, node) ?? this.#addRequest(requests, node, likeAll)
        if (!request.bytes.add(row, index, digest)) {
          request = this.#addRequest(requests, node, likeAll)
          request.bytes.add(row, index, digest)
        }
        if (this.#requestOf !== undefined) this.#requestOf[place] = request.id
        request.open += 1
      }
      // Before any of them is sent: what is refused for its bytes must not be done in part.
      for (const { bytes } of requests) bytes.checkSize()
    } catch (error) {
      for (const { bytes } of requests) surroundings.giveBackBytes(bytes)
      throw error
    }
    return requests
  }

  #addRequest(requests: NodeRequest[], node: WireNode, likeAll: BatchRow | undefined): NodeRequest {
    const request = new NodeRequest(
      node,
      this.#surroundings.takeBytes(),
      requests.length,
      this.#onRow,
      likeAll,
    )
    requests.push(request)
    if (requests.length > 1) this.#requestOf ??= new Uint16Array(this.#rows.length)
    return request
  }

  async #exchange(request: NodeRequest): Promise<void> {
    const { node, bytes } = request
    try {
      const connection = await node.take(this.#remainingMs)
      try {
        const timeoutMs = this.#remainingMs
        const finalCode = await connection.exchange(bytes.end(timeoutMs), request, timeoutMs)
        this.#surroundings.giveBackBytes(bytes)
        if (request.open > 0) this.#missAll(request, unanswered(finalCode))
        // A node that leaves rows out, or answers some twice, may say more on this connection: of a refusal that came
        // twice the next batch would believe that nothing of it was done.
        if (request.hasSurplus || request.open > 0) connection.close()
      } finally {
        node.giveBack(connection)
      }
    } catch (error) {
      if (!(error instanceof SendFailure)) throw error
      this.#surroundings.suspectOwners()
      this.#missAll(request, error)
    }
  }

  get #remainingMs(): number {
    return Math.max(1, Math.min(this.#options.attemptTimeoutMs, this.#endsAtMs - performance.now()))
  }

  readonly #onRow = (message: RowMessage, request: NodeRequest): void => {
    const place = (message.index - this.#firstIndex) >>> 0
    if (place >= this.#rows.length || (this.#requestOf?.[place] ?? request.id) !== request.id)
      throw new ProtocolError('an answer to a row that was not asked')
    if (this.#answers[place] !== undefined || this.#again.has(place)) {
      request.hasSurplus = true
      return
    }
    const { resultCode } = message
    if (resultCode === RESULT_CODES.UNAVAILABLE && this.#attempt < this.#options.maxRetries) {
      this.#again.set(place, UNAVAILABLE)
      this.#surroundings.suspectOwners()
    } else {
      this.#answers[place] = this.#answer(place, message)
      this.#answeredByServer += 1
    }
    request.open -= 1
  }

  #answer(place: number, message: RowMessage): RowAnswer {
    const { resultCode, generation } = message
    const row = this.#rows[place] as BatchRow // a place of these rows
    const isOk = resultCode === RESULT_CODES.OK
    try {
      return {
        index: place,
        status: resultCode,
        bins: isOk && hasBins(row) ? decodeBins(message, this.#budget) : undefined,
        inDoubt:
          !isOk &&
          changes(row) &&
          (resultCode === RESULT_CODES.TIMEOUT || (this.#attempt > 0 && this.#sentBefore.has(place))),
        generation: generation === 0 ? undefined : generation,
      }
    } catch (error) {
      // Within a row that is whole: what no value is spoils no other row.
      if (!(error instanceof ProtocolError)) throw error
      return { index: place, status: CLIENT_STATUS.CLIENT_ERROR, bins: undefined, inDoubt: changes(row) }
    }
  }

  #missAll(request: NodeRequest, missing: MissingAnswer): void {
    for (let place = 0; place < this.#rows.length; place++) {
      if (this.#answers[place] !== undefined || this.#again.has(place)) continue
      if ((this.#requestOf?.[place] ?? request.id) === request.id) this.#miss(place, missing)
    }
  }

  #miss(place: number, missing: MissingAnswer): void {
    const maySendAgain = missing.isRetryable && !(this.#options.once && missing.wasSent)
    if (maySendAgain) this.#again.set(place, missing)
    else this.#settle(place, missing)
  }

  #settle(place: number, missing: MissingAnswer): void {
    this.#firstMissing ??= missing
    const row = this.#rows[place] as BatchRow // a place of these rows
    const inDoubt = changes(row) && (missing.wasSent || this.#sentBefore.has(place))
    this.#answers[place] = { index: place, status: missing.status, bins: undefined, inDoubt }
  }
}

function latestOf(requests: readonly NodeRequest[], node: WireNode): NodeRequest | undefined {
  for (let at = requests.length - 1; at >= 0; at--) {
    const request = requests[at]
    if (request?.node === node) return request
  }
  return undefined
}

function changes(row: BatchRow): boolean {
  return row.kind !== 'read'
}

function hasBins({ kind }: BatchRow): boolean {
  return kind === 'read' || kind === 'apply' || kind === 'execute'
}
