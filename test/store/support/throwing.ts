import { jest } from '@jest/globals'
import type { BatchHandler } from '../../../lib/batching/index.ts'
import type { StoreError } from '../../../lib/errors/index.ts'
import type { SettingsInput } from '../../../lib/settings/index.ts'
import type { StoreContext } from '../../../lib/store/context/store-context.ts'
import type { BatchRow, RowAnswer } from '../../../lib/transport/index.ts'
import { handled } from './handled.ts'
import { contextWith } from './store-fixture.ts'

/** What a point throws, so that a test can tell it from an error of the code. */
export class InjectedError extends Error {
  override readonly name = 'InjectedError'
}

export interface ThrowingCase<Request, Answer> {
  handler(context: StoreContext): BatchHandler<Request, Answer>
  readonly requests: readonly Request[]
  /** What the server answers while nothing throws. By the row itself: places shift when an item makes no row. */
  readonly script: (row: BatchRow) => Partial<RowAnswer>
  /** The place of the item that a row belongs to. */
  readonly itemOf: (row: BatchRow) => number
  readonly settings?: SettingsInput
}

/** A case whose handler is of any kind, for tables. */
export type AnyThrowingCase = ThrowingCase<unknown, unknown>

export function throwingCase<Request, Answer>(each: ThrowingCase<Request, Answer>): AnyThrowingCase {
  // Only ever given its own requests.
  return each as unknown as AnyThrowingCase
}

export interface ThrowingRun<Answer> {
  /** Where it threw: `settings.utxoBatchSize`, `request[1].txid`, `answer[0].bins`, `transport rejects`, … */
  readonly point: string
  readonly outcomes: readonly (Answer | StoreError)[]
  /** Answers for items that had one already. */
  readonly secondAnswers: number
  /** Handlers that threw, or left items without an answer, so that the batcher’s guard had to give one. */
  readonly guarded: number
}

/**
 * Runs a handler once for each place where something that it uses can throw, with just that place throwing: each
 * reading of its context, settings, metrics and block state, of each request and each answer, each call of the
 * transport, of the external store and of the clock. So every statement that touches anything outside the
 * handler throws in one of the runs. `baseline` is the run in which nothing throws.
 */
export async function throwEverywhere<Request, Answer>(
  each: ThrowingCase<Request, Answer>,
): Promise<{ baseline: ThrowingRun<Answer>; runs: ThrowingRun<Answer>[] }> {
  const points = new Points()
  const baseline = await runOnce(each, points)
  const runs: ThrowingRun<Answer>[] = []
  for (let place = 0; place < points.passed; place++) {
    const throwing = new Points(place)
    runs.push(await runOnce(each, throwing))
  }
  return { baseline, runs }
}

/** Counts the places as the handler passes them, and throws at one of them. */
class Points {
  readonly #throwAt: number | undefined
  passed = 0
  thrown = ''
  /** While the scripted server works, which reads rows as well. */
  isServer = false

  constructor(throwAt?: number) {
    this.#throwAt = throwAt
  }

  pass(point: string): void {
    if (this.isServer) return
    const place = this.passed++
    if (place !== this.#throwAt) return
    this.thrown = point
    throw new InjectedError(`thrown at ${point}`)
  }
}

async function runOnce<Request, Answer>(
  each: ThrowingCase<Request, Answer>,
  points: Points,
): Promise<ThrowingRun<Answer>> {
  const { handler, requests, settings } = each
  const context = contextWith(
    { batchOperate: (rows: readonly BatchRow[]) => answerRows(rows, each, points) },
    settings,
  )
  const realNow = Date.now
  const now = jest.spyOn(Date, 'now').mockImplementation(() => {
    points.pass('Date.now')
    return realNow()
  })
  let secondAnswers = 0
  let guarded = 0
  try {
    const outcomes = await handled(
      handler(watchedContext(context, points)),
      requests.map((request, index) => watched(request, `request[${index}]`, points)),
      {
        unwantedAnswer: () => {
          secondAnswers += 1
        },
        handlerFailed: () => {
          guarded += 1
        },
      },
    )
    return { point: points.thrown, outcomes, secondAnswers, guarded }
  } finally {
    now.mockRestore()
  }
}

function answerRows(
  rows: readonly BatchRow[],
  { script, itemOf }: Pick<ThrowingCase<unknown, unknown>, 'script' | 'itemOf'>,
  points: Points,
): Promise<readonly RowAnswer[]> {
  points.pass('transport throws')
  return Promise.resolve().then(() => {
    points.pass('transport rejects')
    points.isServer = true
    const scripted = rows.map(row => ({ ...script(row), path: `answer[${itemOf(row)}].bins` }))
    points.isServer = false
    return scripted.map(({ status = 0, inDoubt = false, bins, path }, index) => {
      // Numbers and flags are plain in every transport; what may be of any shape is what a record holds.
      return {
        index,
        status,
        inDoubt,
        get bins() {
          points.pass(path)
          return watched(bins, path, points)
        },
      }
    })
  })
}

const WATCHED_PARTS: ReadonlySet<PropertyKey> = new Set(['settings', 'metrics', 'blockState', 'external'])

/** The context's own methods run on the real one; what they use is not the handler's. */
function watchedContext(context: StoreContext, points: Points): StoreContext {
  return new Proxy(context, {
    get(target, name) {
      points.pass(`context.${String(name)}`)
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value === 'function') return value.bind(target)
      return WATCHED_PARTS.has(name) ? shallow(value as object, String(name), points) : value
    },
  })
}

/** Reading a property of the part is a place; what comes back is the real thing. */
function shallow<Part extends object>(part: Part, path: string, points: Points): Part {
  return new Proxy(part, {
    get(target, name) {
      points.pass(`${path}.${String(name)}`)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/**
 * Reading a property is a place, at every depth of plain objects and lists of them; bytes, maps and lists of
 * plain values are left alone.
 */
function watched<Value>(value: Value, path: string, points: Points): Value {
  if (!isObject(value)) return value
  if (Array.isArray(value) && !value.some(isObject)) return value
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value
  return new Proxy(value, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name, target)
      if (name === 'then' || typeof name === 'symbol' || typeof inner === 'function') return inner
      points.pass(`${path}.${name}`)
      return watched(inner, `${path}.${name}`, points)
    },
  })
}
