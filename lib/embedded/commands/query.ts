import { FIELD_TYPES, findField, INFO2, INFO3, type Message, RESULT_CODES } from '../../protocol/index.ts'
import { replyWithCode } from './record-reply.ts'
import { replyFrame } from './reply-frames.ts'

/**
 * A message without a digest is a query, a scan or a background job (protocol 10). This server runs none of
 * them: it checks what a real one checks first, and refuses.
 */
export function queryReply(message: Message): Buffer {
  return replyFrame(replyWithCode(refusal(message)))
}

function refusal(message: Message): number {
  const isBackground = (message.info2 & INFO2.WRITE) !== 0
  if (isBackground && findField(message.fields, FIELD_TYPES.UDF_OPERATION) === undefined) {
    return RESULT_CODES.PARAMETER
  }
  if (!isBackground && (message.info3 & INFO3.PARTITION_DONE) === 0) return RESULT_CODES.UNSUPPORTED_FEATURE
  return RESULT_CODES.UNSUPPORTED_FEATURE
}
