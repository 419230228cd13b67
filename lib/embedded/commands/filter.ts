import { FIELD_TYPES, findField, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { RecordRequest } from './record-request.ts'

/** The filter that a request has to pass: its own, else the batch's. */
export function requestedFilter(request: RecordRequest): Buffer | undefined {
  return findField(request.fields, FIELD_TYPES.FILTER) ?? request.batchFilter
}

/**
 * Whether a record passes the filter of a request. Filters are expressions, which this server does not
 * evaluate: it refuses them rather than let everything pass.
 *
 * @throws CommandError UNSUPPORTED_FEATURE when the request has a filter
 */
export function passesFilter(request: RecordRequest, _record: StoredRecord): boolean {
  if (requestedFilter(request) === undefined) return true
  throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'filter expressions are not supported')
}
