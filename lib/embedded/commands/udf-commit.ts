import { PARTICLE_TYPES, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { NamedParticle, UdfChange } from '../lua/index.ts'
import { storedParticle } from '../operations/stored-particle.ts'
import { type Bin, BinList } from '../storage/bin-list.ts'
import { RECORD_TTL } from '../storage/expiry.ts'
import type { StoredBins } from '../storage/record-follower.ts'
import { SplicedBins } from '../storage/spliced-bins.ts'
import { nextGeneration, type StoredRecord } from '../storage/stored-record.ts'
import { requestedSet, userKeyToStore } from './preconditions.ts'
import { type RecordReply, replyWithCode } from './record-reply.ts'
import type { RecordRequest } from './record-request.ts'
import { writeVoidTime } from './write.ts'

const NO_VALUE = Buffer.alloc(0)
const NO_BINS: StoredBins = { bins: NO_VALUE, binCount: 0 }

type UdfWrite = Extract<UdfChange, { kind: 'write' }>

/** Makes the record what the function left; the reply still lacks the function's value. */
export function commitUdfChange(
  request: RecordRequest,
  existing: StoredRecord | undefined,
  change: UdfChange,
): RecordReply {
  const { namespace, digest } = request
  if (change.kind === 'none') return replyWithCode(RESULT_CODES.OK, existing)
  if (change.kind === 'remove') {
    namespace.remove(digest)
    const generation = existing === undefined ? 0 : nextGeneration(existing.generation)
    return { ...replyWithCode(RESULT_CODES.OK), generation }
  }
  const setName = requestedSet(request)
  const recordTtl = change.ttlSeconds === undefined ? request.recordTtl : recordTtlOf(change.ttlSeconds)
  const voidTimeSeconds = writeVoidTime(namespace, recordTtl, setName, existing)
  const userKey = change.dropKey ? undefined : userKeyToStore(request, existing)
  const bins = binsAfter(existing ?? NO_BINS, change)
  const record = namespace.write({ digest, existing, setName, bins, voidTimeSeconds, userKey })
  return replyWithCode(RESULT_CODES.OK, record)
}

/** The bins that a function left of those that the record had. */
export function binsAfter(before: StoredBins, change: UdfWrite): BinList | SplicedBins {
  const changed = change.changed.map(storedBin)
  const splices = change.keepsBins && change.comingsAndGoings.length === 0
  return (splices ? SplicedBins.of(before, changed) : undefined) ?? relistedBins(before, change, changed)
}

/** The same for any change. */
function relistedBins(before: StoredBins, change: UdfWrite, changed: readonly Bin[]): BinList {
  const bins = change.keepsBins ? BinList.decode(before.bins, before.binCount) : BinList.empty()
  for (const name of change.comingsAndGoings) {
    if (bins.get(name) !== undefined) bins.delete(name)
    else bins.set(name, PARTICLE_TYPES.NULL, NO_VALUE)
  }
  for (const { name, type, value } of changed) bins.set(name, type, value)
  return bins
}

/** GeoJSON of a function is stored unchecked, as on a real server. */
function storedBin({ name, type, value }: NamedParticle): Bin {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return { name, type, value: type === PARTICLE_TYPES.GEOJSON ? bytes : storedParticle(type, bytes) }
}

/** What a function gave to record.set_ttl, as record_ttl travels: -1 is "never", -2 "keep" (protocol 7.7). */
function recordTtlOf(ttlSeconds: number): number {
  if (ttlSeconds === -1) return RECORD_TTL.NEVER
  if (ttlSeconds === -2) return RECORD_TTL.KEEP
  if (ttlSeconds < 0) throw new CommandError(RESULT_CODES.PARAMETER, `time to live of ${ttlSeconds} s`)
  return ttlSeconds
}
