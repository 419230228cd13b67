import { randomBytes } from 'node:crypto'
import { FIELD_TYPES, type Field, findField } from '../../protocol/index.ts'
import { badRequest } from '../command-error.ts'

const TASK_ID_BYTES = 8
/** What a query without a socket timeout is said to have, as on a real server. */
const SOCKET_TIMEOUT_MS_DEFAULT = 10_000

/** A field of a fixed width, or undefined. @throws CommandError PARAMETER for another width */
function sizedField(fields: readonly Field[], type: number, bytes: number): Buffer | undefined {
  const data = findField(fields, type)
  if (data !== undefined && data.length !== bytes) throw badRequest(`field ${type} of ${data.length} bytes`)
  return data
}

/** The id by which a query is known to the info protocol; one that is missing, or none, is invented. */
export function taskId(fields: readonly Field[]): bigint {
  const data = findField(fields, FIELD_TYPES.TASK_ID)
  return (data?.length === TASK_ID_BYTES ? data : randomBytes(TASK_ID_BYTES)).readBigUInt64BE(0)
}

/** How many records a second the client allows; 0 = any number. @throws CommandError PARAMETER */
export function recordsPerSecond(fields: readonly Field[]): number {
  return sizedField(fields, FIELD_TYPES.RECORDS_PER_SECOND, 4)?.readUInt32BE(0) ?? 0
}

/** 0 = none. @throws CommandError PARAMETER */
export function socketTimeoutMs(fields: readonly Field[]): number {
  return sizedField(fields, FIELD_TYPES.SOCKET_TIMEOUT, 4)?.readUInt32BE(0) ?? SOCKET_TIMEOUT_MS_DEFAULT
}

/** After how many records the answer ends; Infinity = never. @throws CommandError PARAMETER */
export function recordsMax(fields: readonly Field[]): number {
  const max = Number(sizedField(fields, FIELD_TYPES.RECORDS_MAX, 8)?.readBigUInt64BE(0) ?? 0n)
  return max === 0 ? Number.POSITIVE_INFINITY : max
}

/** The name in a text field, one character per byte; empty when there is none. */
export function nameField(fields: readonly Field[], type: number): string {
  return findField(fields, type)?.toString('latin1') ?? ''
}
