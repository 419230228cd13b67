import {
  FIELD_TYPES,
  type Field,
  findField,
  INFO2,
  PARTICLE_TYPES,
  RESULT_CODES,
} from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { ServerNode } from '../server-node.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { StoredRecord } from '../storage/stored-record.ts'
import type { RecordRequest } from './record-request.ts'

/** The namespace that fields name, if it exists. */
export function requestedNamespace(node: ServerNode, fields: readonly Field[]): Namespace | undefined {
  const name = findField(fields, FIELD_TYPES.NAMESPACE)
  return name === undefined ? undefined : node.namespaces.get(name.toString('latin1'))
}

/** The set a request names, one character per byte; empty when it names none. */
export function requestedSet(request: RecordRequest): string {
  return findField(request.fields, FIELD_TYPES.SET)?.toString('latin1') ?? ''
}

/**
 * The generation check (protocol 5.3). A missing record counts as generation 0. With both bits the one for
 * equality decides.
 */
export function generationFits(request: RecordRequest, record: StoredRecord | undefined): boolean {
  const current = record?.generation ?? 0
  if ((request.info2 & INFO2.GENERATION) !== 0) return request.generation === current
  if ((request.info2 & INFO2.GENERATION_GT) !== 0) return request.generation > current
  return true
}

/** Reads and deletes without a set find a record of any; what they name has to fit (protocol 5.1). */
export function readSetFits(setName: string, record: StoredRecord): boolean {
  return setName === '' || setName === (record.set?.name ?? '')
}

/** Writes have to name the set of the record, also that it has none (protocol 5.1). */
export function writeSetFits(setName: string, record: StoredRecord): boolean {
  return setName === (record.set?.name ?? '')
}

/** A key that is sent for a record with a stored one has to be that key. */
export function userKeyFits(request: RecordRequest, record: StoredRecord): boolean {
  if (record.userKey === undefined) return true
  const sent = findField(request.fields, FIELD_TYPES.USER_KEY)
  return sent === undefined || record.userKey.equals(sent)
}

/** Bytes of a key by its particle type, where the type fixes them. */
const KEY_BYTES: ReadonlyMap<number | undefined, number> = new Map([
  [PARTICLE_TYPES.INTEGER, 8],
  [PARTICLE_TYPES.DOUBLE, 8],
])

/**
 * The key to store with a record: the one it has, else a copy of the one sent, if any.
 *
 * @throws CommandError UNSUPPORTED_FEATURE for a key that is empty or has the wrong width
 */
export function userKeyToStore(request: RecordRequest, record: StoredRecord | undefined): Buffer | undefined {
  if (record?.userKey !== undefined) return record.userKey
  const sent = findField(request.fields, FIELD_TYPES.USER_KEY)
  if (sent === undefined) return undefined
  if (!isUserKey(sent)) throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'user key of a wrong width')
  return Buffer.from(sent)
}

/** The key of a request, unless it is none that can be stored. */
export function sentUserKey({ fields }: RecordRequest): Buffer | undefined {
  const sent = findField(fields, FIELD_TYPES.USER_KEY)
  return sent !== undefined && isUserKey(sent) ? sent : undefined
}

function isUserKey(sent: Buffer): boolean {
  const bytes = KEY_BYTES.get(sent[0])
  return sent.length > 0 && (bytes === undefined || sent.length === bytes + 1)
}
