import { Batcher, type BatcherOptions, type BatchHandler, type BatchObserver } from '../batching/index.ts'
import type { TransactionOutput } from '../bitcoin/index.ts'
import type { TransactionMetadata } from '../record/index.ts'
import type { Settings } from '../settings/index.ts'
import { type CreateRequest, createHandler } from './operations/create.ts'
import { type GetRequest, getHandler } from './operations/get.ts'
import { type OutpointRequest, outpointHandler } from './operations/previous-outputs.ts'
import { type LockRequest, lockedHandler } from './operations/set-locked.ts'
import { type SpendRequest, spendHandler } from './operations/spend-dispatch.ts'
import type { StoreContext } from './store-context.ts'

/**
 * The store's batchers, one for each kind of work. A handler never puts into a batcher: with all places taken
 * it would wait for work that only it could do (semantics 4.1, 4.5).
 */
export interface Batchers {
  readonly store: Batcher<CreateRequest, void>
  readonly get: Batcher<GetRequest, TransactionMetadata>
  readonly spend: Batcher<SpendRequest, void>
  readonly outpoint: Batcher<OutpointRequest, TransactionOutput[]>
  readonly locked: Batcher<LockRequest, void>
}

/** Consumers of a batcher close before it (semantics 4.7). */
export const CLOSE_ORDER = [
  'store',
  'spend',
  'locked',
  'outpoint',
  'get',
] as const satisfies (keyof Batchers)[]

export function createBatchers(context: StoreContext): Batchers {
  const { settings } = context
  const make = <Request, Answer>(
    name: keyof Batchers,
    handler: BatchHandler<Request, Answer>,
    concurrency = settings.batcherMaxConcurrent,
  ): Batcher<Request, Answer> => new Batcher({ ...batcherOptions(name, context), concurrency }, handler)
  return {
    store: make('store', createHandler(context)),
    get: make('get', getHandler(context)),
    spend: make('spend', spendHandler(context)),
    outpoint: make(
      'outpoint',
      outpointHandler(context),
      settings.outpointBatcherMaxConcurrent || settings.batcherMaxConcurrent,
    ),
    locked: make('locked', lockedHandler(context)),
  }
}

/** How many times its size a batcher queues (semantics 4.1). */
const QUEUED_BATCHES = 64

function batcherOptions(name: keyof Batchers, context: StoreContext): Omit<BatcherOptions, 'concurrency'> {
  const { settings } = context
  const size = settings[`${name}BatcherSize` satisfies keyof Settings]
  return {
    name: `${name} batcher`,
    size,
    lingerMs: settings[`${name}BatcherDurationMillis` satisfies keyof Settings],
    queueItemsMax: Math.max(QUEUED_BATCHES * size, settings.batcherQueueItemsMin),
    whenFull: settings.batcherWhenFull,
    waitMs: context.waitMs,
    observer: observerOf(name, context),
  }
}

function observerOf(batcher: keyof Batchers, { logger, metrics }: StoreContext): BatchObserver {
  const labels = { batcher }
  return {
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
