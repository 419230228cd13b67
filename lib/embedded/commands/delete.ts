import { INFO2, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import { passesFilter } from './filter.ts'
import { generationFits, readSetFits, requestedSet, userKeyFits } from './preconditions.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'

/**
 * Removes a record (protocol 5.3). Replies carry no generation, also those of failed checks. A record that
 * has expired and was not removed yet is found, as on a real server.
 */
export function deleteRecord(request: RecordRequest): RecordReply {
  const { namespace, digest } = request
  if ((request.info2 & INFO2.DURABLE_DELETE) !== 0) return replyWithCode(RESULT_CODES.ENTERPRISE_ONLY)
  const record = namespace.findExpiredToo(digest)
  if (record === undefined) return replyWithCode(RESULT_CODES.NOT_FOUND)
  try {
    const resultCode = failedCheck(request, record)
    if (resultCode === RESULT_CODES.OK) namespace.remove(digest)
    return replyWithCode(resultCode)
  } catch (error) {
    if (error instanceof CommandError) return replyWithCode(error.resultCode)
    throw error
  }
}

function failedCheck(request: RecordRequest, record: StoredRecord): number {
  if (!readSetFits(requestedSet(request), record)) return RESULT_CODES.PARAMETER
  if (!generationFits(request, record)) return RESULT_CODES.GENERATION
  if (!passesFilter(request, record)) return RESULT_CODES.FILTERED_OUT
  if (!userKeyFits(request, record)) return RESULT_CODES.KEY_MISMATCH
  return RESULT_CODES.OK
}
