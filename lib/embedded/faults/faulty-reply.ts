import { RESULT_CODES } from '../../protocol/index.ts'
import type { Scheduler } from '../cluster/scheduler.ts'
import { errorFrame } from '../commands/message-command.ts'
import { lastMessageFrame } from '../commands/reply-frames.ts'
import type { FrameSource, Reply } from '../request-handler.ts'
import type { Hit } from './active-rule.ts'
import type { FaultAfter, FaultBefore } from './fault-rule.ts'
import { damagedFrames } from './reply-damage.ts'
import type { RequestFacts } from './request-facts.ts'

export interface FaultyRequest {
  readonly position: number
  readonly facts: RequestFacts
  /** In the order of their rules. */
  readonly hits: readonly Hit[]
  readonly source: FrameSource
  /** Executes the request, except for rows that answer a result code instead. */
  readonly execute: (refusals: ReadonlyMap<number, number>) => Reply
  readonly scheduler: Scheduler
}

type Pieces = Generator<Buffer | Promise<void>, void>
type Waits<Result> = Generator<Promise<void>, Result>
/** How a request ends that is not executed: with a frame, or without an answer. */
type Refusal = Buffer | 'silence'

/** The reply to a request that faults hit: first those before the execution, then those after it. */
export function* faultyReply(request: FaultyRequest): Pieces {
  const refusals = new Map<number, number>()
  for (const hit of request.hits) {
    const { fault } = hit.rule.rule
    if (fault.when !== 'before') continue
    const refusal = yield* sufferBefore(request, hit, fault, refusals)
    if (refusal === 'silence') return
    if (refusal !== undefined) {
      yield refusal
      return
    }
  }
  const afterwards = request.hits.filter(hit => hit.rule.rule.fault.when === 'after')
  const reply = request.execute(refusals)
  if (afterwards.length > 0) yield* damagedReply(request, afterwards, reply)
  else if (Buffer.isBuffer(reply)) yield reply
  else yield* { [Symbol.iterator]: () => reply }
}

function* sufferBefore(
  { position, facts, source, scheduler }: FaultyRequest,
  { rule, rows }: Hit,
  fault: FaultBefore,
  refusals: Map<number, number>,
): Waits<Refusal | undefined> {
  switch (fault.kind) {
    case 'delay':
      yield pause(scheduler, fault.ms)
      return undefined
    case 'capacity': {
      const nowMs = scheduler.nowMs()
      const serviceMs = fault.serviceMs + (fault.serviceMsPerRow ?? 0) * facts.rows.length
      const service = rule.capacity(position, fault.concurrency).admit(nowMs, serviceMs, facts.timeoutMs)
      if ('expiredMs' in service) {
        yield pause(scheduler, service.expiredMs - nowMs)
        return refusalFrame(facts, RESULT_CODES.TIMEOUT)
      }
      yield pause(scheduler, service.endMs - nowMs)
      return undefined
    }
    case 'refuse':
      if (fault.rows === undefined) return refusalFrame(facts, fault.resultCode)
      for (const row of rows) if (!refusals.has(row)) refusals.set(row, fault.resultCode)
      return undefined
    case 'drop':
      return 'silence'
    case 'reset':
      source.reset()
      return 'silence'
  }
}

/** Executes to the end before anything is sent, so that it never depends on what the client reads. */
function* damagedReply({ source, scheduler }: FaultyRequest, hits: readonly Hit[], reply: Reply): Pieces {
  let frames: readonly Buffer[] = yield* collected(reply)
  for (const { rule, rows, chanceOf } of hits) {
    // The others were done with before the execution.
    const fault = rule.rule.fault as FaultAfter
    switch (fault.kind) {
      case 'delay':
        yield pause(scheduler, fault.ms)
        break
      case 'drop':
        return
      case 'reset':
        source.reset()
        return
      default:
        frames = damagedFrames(frames, fault, rows, chanceOf)
        if (fault.kind === 'truncate') source.closeAfterReply()
    }
  }
  yield* frames
}

function* collected(reply: Reply): Generator<Buffer | Promise<void>, Buffer[]> {
  if (Buffer.isBuffer(reply)) return [reply]
  const frames: Buffer[] = []
  for (let next = reply.next(); next.done !== true; next = reply.next()) {
    const piece = next.value
    if (Buffer.isBuffer(piece) && piece.length > 0) frames.push(piece)
    // What gives way to others, or has to happen first, is passed on.
    else yield piece
  }
  return frames
}

/** A batch or a query ends with a message that says it is the last one, a single record has just one. */
function refusalFrame({ kind }: RequestFacts, resultCode: number): Buffer {
  return kind === 'record' ? errorFrame(resultCode) : lastMessageFrame(resultCode)
}

function pause(scheduler: Scheduler, ms: number): Promise<void> {
  return new Promise(resolve => scheduler.after(ms, resolve))
}
