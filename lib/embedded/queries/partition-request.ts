import {
  DIGEST_BYTES,
  FIELD_TYPES,
  type Field,
  findField,
  PARTITION_COUNT,
  partitionId,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { badRequest, CommandError } from '../command-error.ts'
import { type IndexKey, readKey } from '../indexes/index-key.ts'
import { recordId } from '../storage/stored-record.ts'

const PARTITION_ID_BYTES = 2
const KEY_BYTES = 8

/** Where a client got to in a partition: the last record it received. */
export interface ResumePoint {
  /** Its digest as records have it. */
  readonly id: string
  /** Its key in the index; undefined in a query without one. */
  readonly key: IndexKey | undefined
}

/** A partition to be read, from its beginning or from where the client got to. */
export interface PartitionRequest {
  readonly partitionId: number
  readonly after: ResumePoint | undefined
}

/** Every partition from its beginning: what jobs read. */
export const ALL_PARTITIONS: readonly PartitionRequest[] = Array.from(
  { length: PARTITION_COUNT },
  (_, partition) => ({ partitionId: partition, after: undefined }),
)

/**
 * The partitions that a query asks for (protocol 10.2), those to be resumed first.
 *
 * @throws CommandError UNSUPPORTED_FEATURE when it names none, PARAMETER for a partition that is named twice or
 *   does not exist, and for lists of a wrong length
 */
export function partitionRequests(fields: readonly Field[], usesIndex: boolean): PartitionRequest[] {
  const ids = findField(fields, FIELD_TYPES.PARTITION_IDS)
  const digests = findField(fields, FIELD_TYPES.DIGESTS)
  if (ids === undefined && digests === undefined) {
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'query of no partitions')
  }
  const keys = usesIndex ? findField(fields, FIELD_TYPES.INDEX_VALUES) : undefined
  const requests = [
    ...(digests === undefined ? [] : resumed(digests, keys, usesIndex)),
    ...(ids === undefined ? [] : fromBeginning(ids)),
  ]
  const partitions = new Set(requests.map(request => request.partitionId))
  if (partitions.size !== requests.length) throw badRequest('partition named twice')
  return requests
}

function refuseLength(data: Buffer, elementBytes: number, what: string): void {
  if (data.length === 0 || data.length % elementBytes !== 0)
    throw badRequest(`${what} of ${data.length} bytes`)
}

function fromBeginning(ids: Buffer): PartitionRequest[] {
  refuseLength(ids, PARTITION_ID_BYTES, 'partition ids')
  const requests: PartitionRequest[] = []
  for (let at = 0; at < ids.length; at += PARTITION_ID_BYTES) {
    const id = ids.readUInt16LE(at)
    if (id >= PARTITION_COUNT) throw badRequest(`partition ${id}`)
    requests.push({ partitionId: id, after: undefined })
  }
  return requests
}

function resumed(digests: Buffer, keys: Buffer | undefined, usesIndex: boolean): PartitionRequest[] {
  refuseLength(digests, DIGEST_BYTES, 'digests')
  const count = digests.length / DIGEST_BYTES
  if (usesIndex && keys?.length !== count * KEY_BYTES) throw badRequest('digests without their index values')
  return Array.from({ length: count }, (_, at) => {
    const digest = digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES)
    const key = keys === undefined ? undefined : readKey(keys.subarray(at * KEY_BYTES, (at + 1) * KEY_BYTES))
    return { partitionId: partitionId(digest), after: { id: recordId(digest), key } }
  })
}
