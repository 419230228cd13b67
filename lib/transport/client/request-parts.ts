import { FRAME_BODY_BYTES_MAX } from '../../protocol/index.ts'
import type { BatchRow, BinValue, WriteOperation } from '../transport.ts'

/** No server accepts more than twice as much; the rest is for what the sizes here leave out. */
export const REQUEST_BYTES_MAX = FRAME_BODY_BYTES_MAX / 2

/** Key, policy, and the filter or the statement: the store's own rows without their values are smaller. */
const ROW_BYTES = 1_024
/** Its header, name and type; or an element's. */
const VALUE_BYTES = 32
/** A character takes three at the most: one outside the basic plane is two to JavaScript, and four bytes. */
const CHARACTER_BYTES = 3

/**
 * Divides a batch into requests that a server takes. The npm client sends a batch to each node in one frame, however
 * large, and one that is too large costs the connection and has no answer for any of its rows.
 *
 * @returns the place behind the last row of each request; a row that is too large alone is a request of its own
 */
export function requestParts(rows: readonly BatchRow[], bytesMax = REQUEST_BYTES_MAX): readonly number[] {
  const ends: number[] = []
  let bytes = 0
  for (const [place, row] of rows.entries()) {
    const own = rowBytes(row)
    if (bytes > 0 && bytes + own > bytesMax) {
      ends.push(place)
      bytes = 0
    }
    bytes += own
  }
  ends.push(rows.length)
  return ends
}

function rowBytes(row: BatchRow): number {
  let bytes = ROW_BYTES
  if (row.kind === 'read') return row.bins === 'all' ? bytes : bytes + row.bins.length * VALUE_BYTES
  if (row.kind === 'write') for (const operation of row.operations) bytes += operationBytes(operation)
  else if (row.kind === 'apply' || row.kind === 'execute')
    for (const arg of row.args) bytes += valueBytes(arg)
  return bytes
}

function operationBytes(operation: WriteOperation): number {
  const { kind } = operation
  if (kind === 'map-put-all') return VALUE_BYTES + valueBytes(operation.entries)
  if (kind === 'map-remove-all') return VALUE_BYTES + valueBytes(operation.keys)
  const key = 'key' in operation ? valueBytes(operation.key) : 0
  return VALUE_BYTES + key + ('value' in operation ? valueBytes(operation.value) : 0)
}

function valueBytes(value: BinValue): number {
  if (typeof value === 'string') return VALUE_BYTES + CHARACTER_BYTES * value.length
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  if (value instanceof Uint8Array) return VALUE_BYTES + value.length
  let bytes = VALUE_BYTES
  if (Array.isArray(value)) for (const element of value as readonly BinValue[]) bytes += valueBytes(element)
  else {
    const entries =
      value instanceof Map ? value : Object.entries(value as { readonly [key: string]: BinValue })
    for (const [key, entry] of entries) bytes += valueBytes(key) + valueBytes(entry)
  }
  return bytes
}
