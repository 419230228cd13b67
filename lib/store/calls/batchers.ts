import {
  Batcher,
  type BatcherOptions,
  type BatchHandler,
  type BatchObserver,
  type ConcurrencyLimit,
  fixedLimit,
  GradientLimit,
} from '../../batching/index.ts'
import type { TransactionMetadata } from '../../record/index.ts'
import type { Settings } from '../../settings/index.ts'
import type { FollowUpPools } from '../context/follow-up-pools.ts'
import type { StoreContext } from '../context/store-context.ts'
import { isLoadSignal } from '../dispatch/server-trouble.ts'
import { createHandler } from '../operations/creation/create-rows.ts'
import type { Creation } from '../operations/creation/creation.ts'
import { type LockRequest, lockedHandler } from '../operations/locking/set-locked.ts'
import { setDeleteAtHeightHandler } from '../operations/pages/delete-at-height.ts'
import { incrementHandler } from '../operations/pages/increment.ts'
import { type GetRequest, getHandler } from '../operations/reading/get.ts'
import {
  type OutpointRequest,
  outpointHandler,
  type PreviousOutputs,
} from '../operations/reading/previous-outputs.ts'
import { type SpendAnswer, type SpendRequest, spendHandler } from '../operations/spending/spend-dispatch.ts'

/**
 * The store's batchers, one for each kind of work. A handler never puts into its own batcher: with all places
 * taken it would wait for work that only it could do. Into another it puts only along spend → increment → setDAH
 * (semantics 4.1, 4.5).
 */
export interface Batchers extends FollowUpPools {
  readonly store: Batcher<Creation, void>
  readonly get: Batcher<GetRequest, TransactionMetadata>
  readonly spend: Batcher<SpendRequest, SpendAnswer>
  readonly outpoint: Batcher<OutpointRequest, PreviousOutputs>
  readonly locked: Batcher<LockRequest, void>
}

/** Consumers of a batcher close before it (semantics 4.7). */
const CLOSE_ORDER = [
  'store',
  'spend',
  'increment',
  'setDAH',
  'locked',
  'outpoint',
  'get',
] as const satisfies readonly (keyof Batchers)[]

/** Everything queued leaves at once. Calls in progress may still put their next step in, such as the counts of a rollback. */
export function endLingers(batchers: Batchers): void {
  for (const name of CLOSE_ORDER) batchers[name].endLinger()
}

export async function closeBatchers(batchers: Batchers): Promise<void> {
  for (const name of CLOSE_ORDER) await batchers[name].close()
}

export function createBatchers(context: StoreContext): Batchers {
  const make = <Request, Answer>(
    name: keyof Batchers,
    handler: BatchHandler<Request, Answer>,
  ): Batcher<Request, Answer> => {
    const batcher = new Batcher(batcherOptions(name, context), handler)
    const labels = { batcher: name }
    context.addGauge(context.metrics.queuedItems, labels, () => batcher.queuedItems)
    context.addGauge(context.metrics.dispatchesInFlight, labels, () => batcher.dispatchesInFlight)
    context.addGauge(context.metrics.concurrencyLimit, labels, () => batcher.concurrencyLimit)
    return batcher
  }
  const followUps = {
    increment: make('increment', incrementHandler(context)),
    setDAH: make('setDAH', setDeleteAtHeightHandler(context)),
  }
  context.followUps = followUps
  return {
    ...followUps,
    store: make('store', createHandler(context)),
    get: make('get', getHandler(context)),
    spend: make('spend', spendHandler(context)),
    outpoint: make('outpoint', outpointHandler(context)),
    locked: make('locked', lockedHandler(context)),
  }
}

/** How many times its size a batcher queues (semantics 4.1). */
const QUEUED_BATCHES = 64

export function batcherOptions(name: keyof Batchers, context: StoreContext): BatcherOptions {
  const { settings } = context
  const size = settings[`${name}BatcherSize` satisfies keyof Settings]
  return {
    name: `${name} batcher`,
    size,
    lingerMs: settings[`${name}BatcherDurationMillis` satisfies keyof Settings],
    drainMode: settings[`${name}BatcherDrainMode` satisfies keyof Settings],
    greedyAccumulate: settings[`${name}BatcherGreedyAccumulate` satisfies keyof Settings],
    tickIntervalMs: settings[`${name}BatcherTickerIntervalMillis` satisfies keyof Settings],
    concurrency: concurrencyOf(name, settings),
    isLoadSignal,
    queueItemsMax: Math.max(QUEUED_BATCHES * size, settings.batcherQueueItemsMin),
    // A follow-up that was refused would be lost; its producers are bounded by their own queues.
    whenFull: name === 'increment' || name === 'setDAH' ? 'wait' : settings.batcherWhenFull,
    waitMs: context.waitMs,
    observer: observerOf(name, context),
  }
}

function concurrencyOf(name: keyof Batchers, settings: Settings): ConcurrencyLimit {
  const own = name === 'outpoint' ? settings.outpointBatcherMaxConcurrent : 0
  const limitMax = own || settings.batcherMaxConcurrent
  return settings.batcherConcurrency === 'fixed'
    ? fixedLimit(limitMax)
    : new GradientLimit({ limitMax: limitMax || Number.POSITIVE_INFINITY })
}

function observerOf(batcher: keyof Batchers, { logger, metrics, settings }: StoreContext): BatchObserver {
  const labels = { batcher }
  const verbose: Pick<BatchObserver, 'settled'> = {
    settled: ({ items, failed, durationMs: ms }) =>
      logger.debug({ event: 'batch_settled', batcher, rows: items, ms, failed }, 'a batch has ended'),
  }
  return {
    ...(settings.verboseDebug ? verbose : {}),
    dispatched: ({ items, reason, queueMs }) => {
      metrics.batchItems.observe({ batcher, reason }, items)
      metrics.queueSeconds.observe(labels, queueMs / 1000)
    },
    finished: ({ durationMs }) => metrics.batchSeconds.observe(labels, durationMs / 1000),
    handlerFailed: ({ error, items, unanswered }) => {
      metrics.failedItems.increment(labels, unanswered)
      logger.error(
        { event: 'batch_handler_failed', batcher, items, unanswered, err: error },
        'a batch handler failed; its items were answered with an error',
      )
    },
    handlerLost: ({ items, unanswered }) => {
      metrics.failedItems.increment(labels, unanswered)
      logger.error(
        { event: 'batch_handler_lost', batcher, items, unanswered },
        'a batch handler did not return in time',
      )
    },
    unwantedAnswer: () => {
      metrics.unwantedAnswers.increment(labels)
      logger.debug(
        { event: 'unwanted_answer', batcher },
        'an answer came for an item that was answered or given up',
      )
    },
    refused: ({ items }) => {
      metrics.refusedItems.increment(labels, items)
      logger.warn({ event: 'queue_full', batcher, items }, 'a call was refused: the queue is at its cap')
    },
  }
}
