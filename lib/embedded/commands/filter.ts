import { FIELD_TYPES, findField } from '../../protocol/index.ts'
import { compileFilter, StoredSubject } from '../expressions/index.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { RecordRequest } from './record-request.ts'

/** The filter that a request has to pass: its own, else the batch's. */
export function requestedFilter(request: RecordRequest): Buffer | undefined {
  return findField(request.fields, FIELD_TYPES.FILTER) ?? request.batchFilter
}

/**
 * Whether a record passes the filter of a request; not when that is unknown (protocol 9.4).
 *
 * @throws CommandError PARAMETER for a filter that is malformed, ill-typed or not boolean
 */
export function passesFilter(request: RecordRequest, record: StoredRecord): boolean {
  const filter = requestedFilter(request)
  if (filter === undefined) return true
  return compileFilter(filter).matches(new StoredSubject(request.namespace, request.digest, record))
}
