import {
  BatchRequest,
  decodeMessage,
  FIELD_TYPES,
  FRAME_TYPES,
  type Frame,
  findField,
  INFO1,
  type Message,
  ProtocolError,
} from '../../protocol/index.ts'
import { commandKind } from '../commands/record-command.ts'
import { TIMEOUT_MS_DEFAULT } from '../limits.ts'
import type { CommandKind } from '../storage/namespace-statistics.ts'
import type { RequestKind } from './fault-rule.ts'

/** A row of a batch, as far as it matters for faults. */
export interface RowFacts {
  readonly index: number
  readonly command: CommandKind | undefined
}

/** A request, as far as it matters for faults. */
export interface RequestFacts {
  readonly kind: RequestKind
  /** What a request on a single record does. */
  readonly command: CommandKind | undefined
  readonly timeoutMs: number
  /** The rows of a batch, none otherwise. */
  readonly rows: readonly RowFacts[]
}

/** What a frame asks for. One that is malformed counts as a request on a record that does nothing. */
export function requestFacts(frame: Frame): RequestFacts {
  if (frame.type === FRAME_TYPES.INFO) return factsOf('info')
  if (frame.type === FRAME_TYPES.SECURITY) return factsOf('security')
  try {
    return messageFacts(decodeMessage(frame.body))
  } catch (error) {
    if (error instanceof ProtocolError) return factsOf('record')
    throw error
  }
}

function messageFacts(message: Message): RequestFacts {
  const timeoutMs = message.transactionTtl || TIMEOUT_MS_DEFAULT
  const { fields } = message
  if ((message.info1 & INFO1.BATCH) !== 0) {
    const data = findField(fields, FIELD_TYPES.BATCH) ?? findField(fields, FIELD_TYPES.BATCH_WITH_SET)
    const rows = data === undefined ? [] : new BatchRequest(data).rows()
    const facts = Array.from(rows, ({ index, template }) => ({ index, command: commandKind(template) }))
    return { ...factsOf('batch'), timeoutMs, rows: facts }
  }
  if (findField(fields, FIELD_TYPES.DIGEST) === undefined) return { ...factsOf('query'), timeoutMs }
  return { ...factsOf('record'), timeoutMs, command: commandKind(message) }
}

function factsOf(kind: RequestKind): RequestFacts {
  return { kind, command: undefined, timeoutMs: TIMEOUT_MS_DEFAULT, rows: [] }
}
