import { FaultInjector } from '../../../lib/embedded/faults/fault-injector.ts'
import type { FaultRule } from '../../../lib/embedded/faults/fault-rule.ts'
import type { FrameSource } from '../../../lib/embedded/request-handler.ts'
import {
  BATCH_FLAGS,
  type BatchRowInit,
  decodeMessageAt,
  encodeBatch,
  encodeInfoRequest,
  encodeMessage,
  FIELD_TYPES,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  type Frame,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  type MessageInit,
} from '../../../lib/protocol/index.ts'
import { ManualScheduler } from '../support/manual-scheduler.ts'
import { keyFields, read, TestNode, write } from '../support/test-node.ts'

/** What became of a request. */
export interface Outcome {
  /** What was sent, frame by frame. */
  readonly frames: readonly Buffer[]
  /** When the last frame was sent or the reply was over. */
  readonly atMs: number
  readonly ending: 'open' | 'reset' | 'closed'
}

/** A node behind injected faults, in a time that stands still until a request waits. */
export class FaultLab {
  readonly test = new TestNode()
  readonly scheduler = new ManualScheduler()
  readonly injector: FaultInjector

  constructor(seed = 1) {
    this.injector = new FaultInjector({ seed, scheduler: this.scheduler })
  }

  add(rule: FaultRule): number {
    return this.injector.add(rule)
  }

  /** Sends a request and lets time pass until it is over. */
  async send(frame: Frame, { connection = 0, node = 0 } = {}): Promise<Outcome> {
    return this.begin(frame, { connection, node })()
  }

  /** Sends a request. @returns what takes the reply to its end, letting time pass where it waits */
  begin(frame: Frame, { connection = 0, node = 0 } = {}): () => Promise<Outcome> {
    let ending: Outcome['ending'] = 'open'
    const source: FrameSource = {
      number: connection,
      closeAfterReply: () => {
        ending = 'closed'
      },
      reset: () => {
        ending = 'reset'
      },
    }
    const reply = this.injector.replyTo(node, this.test.node, frame, source)
    if (Buffer.isBuffer(reply)) return async () => ({ frames: [reply], atMs: this.scheduler.nowMs(), ending })
    // What is reached without waiting happens now, as in a connection.
    let next = reply.next()
    return async () => {
      const frames: Buffer[] = []
      for (; next.done !== true; next = reply.next()) {
        if (Buffer.isBuffer(next.value)) frames.push(next.value)
        else await this.#waitFor(next.value)
      }
      return { frames: frames.filter(({ length }) => length > 0), atMs: this.scheduler.nowMs(), ending }
    }
  }

  async #waitFor(event: Promise<void>): Promise<void> {
    let isOver = false
    void event.then(() => {
      isOver = true
    })
    for (let ms = 0; ms < 100_000 && !isOver; ms++) {
      await Promise.resolve()
      if (!isOver) this.scheduler.advanceMs(1)
      await Promise.resolve()
    }
    if (!isOver) throw new Error('a wait that never ends')
  }
}

function frame(init: MessageInit): Frame {
  return { type: FRAME_TYPES.MESSAGE, body: encodeMessage(init) }
}

export const put = (key: string, value: number, init: MessageInit = {}): Frame =>
  frame({ info2: INFO2.WRITE, fields: keyFields(key), operations: [write('a', value)], ...init })

export const get = (key: string): Frame =>
  frame({ info1: INFO1.READ | INFO1.GET_ALL, fields: keyFields(key) })

export const info = (command: string): Frame => ({
  type: FRAME_TYPES.INFO,
  body: encodeInfoRequest([command]),
})

/** A batch that writes to each key its index; `reads` are read instead. */
export function batch(keys: readonly string[], reads: readonly string[] = []): Frame {
  const rows = keys.map((key, index): BatchRowInit => {
    const [namespace, set, digest] = keyFields(key)
    if (namespace === undefined || set === undefined || digest === undefined) throw new Error('three fields')
    const fields = [namespace, set]
    return reads.includes(key)
      ? { digest: digest.data, info1: INFO1.READ, info2: 0, fields, operations: [read('a')] }
      : { digest: digest.data, info2: INFO2.WRITE, fields, operations: [write('a', index)] }
  })
  const data = encodeBatch(rows, BATCH_FLAGS.RESPOND_ALL_KEYS)
  return frame({ info1: INFO1.BATCH, fields: [{ type: FIELD_TYPES.BATCH, data }] })
}

/** The messages of a reply. */
export function messages({ frames }: Outcome): Message[] {
  return frames.flatMap(bytes => {
    const found: Message[] = []
    for (let at = FRAME_HEADER_BYTES; at < bytes.length; ) {
      const { message, end } = decodeMessageAt(bytes, at)
      found.push(message)
      at = end
    }
    return found
  })
}

/** The rows of the reply to a batch: `index:code`; `last:code` is the message that ends it. */
export function rows(outcome: Outcome): string[] {
  return messages(outcome).map(({ info3, transactionTtl, resultCode }) =>
    (info3 & INFO3.LAST) === 0 ? `${transactionTtl}:${resultCode}` : `last:${resultCode}`,
  )
}
