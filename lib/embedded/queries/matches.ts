import { StoredSubject } from '../expressions/index.ts'
import type { IndexKey } from '../indexes/index-key.ts'
import type { Partition } from '../storage/partition.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { PartitionRequest, ResumePoint } from './partition-request.ts'
import type { IndexSelection, RecordSelection } from './record-selection.ts'

/** A record that a query found. */
export interface Match {
  readonly record: StoredRecord
  /** Its key in the index; undefined in a query without one. */
  readonly key: IndexKey | undefined
}

/** After so many records looked at a query can be interrupted, also when none of them matched. */
const RECORDS_PER_STEP = 128

/** Told of records that a filter keeps out. */
export interface FilterTally {
  recordsFiltered: number
}

/**
 * The records of one partition that a query is about, in the order in which it can be resumed: from the highest
 * digest down, or by index key and digest (protocol 10.4). `undefined` among them is a moment at which others may
 * be served.
 *
 * Records may change meanwhile. Each is looked at as it is when its turn comes; none comes twice, and none is
 * missing that matched all the time. What is held of the partition is a list of its records.
 */
export function* matchesIn(
  selection: RecordSelection,
  { partitionId, after }: PartitionRequest,
  tally: FilterTally,
): Generator<Match | undefined, void> {
  const { namespace, byIndex } = selection
  const partition = namespace.partition(partitionId)
  const candidates =
    byIndex === undefined
      ? candidatesByDigest(partition, after)
      : candidatesByIndex(partition, partitionId, byIndex, after)
  let inStep = 0
  for (const match of candidates) {
    if (match !== undefined && isWanted(selection, match.record, tally)) yield match
    if (++inStep < RECORDS_PER_STEP) continue
    inStep = 0
    yield undefined
  }
}

/** False when nothing in a partition can match: found without looking at its records. */
export function canMatchIn(selection: RecordSelection, partitionId: number): boolean {
  const { namespace, byIndex } = selection
  if (namespace.partition(partitionId).size === 0 || hasNoRecords(selection)) return false
  return byIndex === undefined || byIndex.index.hasIn(partitionId, byIndex.interval)
}

/** Spares the walk through all records for a set that is empty or does not exist. */
function hasNoRecords({ namespace, setName }: RecordSelection): boolean {
  return setName !== '' && (namespace.findSet(setName)?.objects ?? 0) === 0
}

function* candidatesByDigest(
  partition: Partition,
  after: ResumePoint | undefined,
): Generator<Match | undefined, void> {
  const ids = partition.descendingIds()
  for (let at = after === undefined ? 0 : firstBelow(ids, after.id); at < ids.length; at++) {
    const record = partition.get(ids[at] ?? '')
    yield record === undefined ? undefined : { record, key: undefined }
  }
}

/** The first position in descending ids that is below one. */
function firstBelow(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] ?? '') >= id) low = middle + 1
    else high = middle
  }
  return low
}

function* candidatesByIndex(
  partition: Partition,
  partitionId: number,
  { index, interval }: IndexSelection,
  after: ResumePoint | undefined,
): Generator<Match | undefined, void> {
  const found: Match[] = []
  const resume = after?.key === undefined ? undefined : { id: after.id, key: after.key }
  index.visit(partitionId, interval, resume, (key, record) => {
    // A record with several values in the interval is answered once, at the least of them.
    if (!index.holdsSeveral || index.leastKeyIn(record, interval) === key) found.push({ record, key })
    return true
  })
  for (const match of found) {
    const { record } = match
    const isStillIn = partition.get(record.id) === record && index.leastKeyIn(record, interval) !== undefined
    yield isStillIn ? match : undefined
  }
}

function isWanted(
  { namespace, setName, filter }: RecordSelection,
  record: StoredRecord,
  tally: FilterTally,
): boolean {
  if (setName !== '' && record.set?.name !== setName) return false
  if (!namespace.isLive(record)) return false
  if (filter === undefined) return true
  if (filter.matches(new StoredSubject(namespace, record.digest, record))) return true
  tally.recordsFiltered++
  return false
}
