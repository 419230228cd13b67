import { recordDigest, userKey } from '../protocol/index.ts'
import type { RecordKey } from './transport.ts'

/** The 20 bytes by which a server knows a record, and by which a query names it (protocol 4). */
export function digestOf(key: RecordKey): Uint8Array {
  return recordDigest(key.set, userKey(key.userKey))
}
