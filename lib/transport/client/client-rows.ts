import Aerospike from 'aerospike'
import { InvalidArgumentError } from '../../errors/index.ts'
import { checkOperationCount } from '../operation-count.ts'
import type { BatchRow, ExistsPolicy, RecordKey, WriteOperation, WriteRow } from '../transport.ts'
import { bigintExpression, clientExpression } from './client-filter.ts'
import { fillStatement } from './client-statement.ts'
import { encodeValue } from './client-values.ts'

/** A row in the npm client's form. */
export interface ClientRow {
  type: number
  key: unknown
  readAllBins?: boolean
  bins?: string[]
  ops?: unknown[]
  udf?: { module: string; funcname: string; args: unknown[] }
  policy?: unknown
}

const { BATCH_READ, BATCH_WRITE, BATCH_APPLY, BATCH_REMOVE } = Aerospike.batchType
const { exp, lists, maps, operations } = Aerospike

export function clientRow(row: BatchRow, namespace: string): ClientRow {
  const key = clientKey(row.key, namespace)
  if (row.kind === 'execute') {
    const { filterExpression, operations: ops } = fillStatement(row)
    const { exists } = row.statement
    const policy =
      filterExpression === undefined
        ? WRITE_POLICIES[exists]
        : writePolicy(exists, { ttl: Aerospike.ttl.NAMESPACE_DEFAULT, filterExpression })
    return { type: BATCH_WRITE, key, ops, policy }
  }
  const filter = row.filter === undefined ? undefined : { filterExpression: clientExpression(row.filter) }
  switch (row.kind) {
    case 'read': {
      const policy = filter && { policy: new Aerospike.BatchReadPolicy(filter) }
      if (row.bins === 'all') return { type: BATCH_READ, key, readAllBins: true, ...policy }
      // In a batch of several rows the client sends an empty list as a read of nothing, which a server refuses.
      if (row.bins.length === 0) return { type: BATCH_READ, key, ...policy }
      checkOperationCount(row.bins.length)
      return { type: BATCH_READ, key, bins: [...row.bins], ...policy }
    }
    case 'write':
      checkOperationCount(row.operations.length)
      return {
        type: BATCH_WRITE,
        key,
        ops: row.operations.map(writeOperation),
        policy:
          filter === undefined && row.ttlSeconds === undefined
            ? WRITE_POLICIES[row.exists]
            : writePolicy(row.exists, { ttl: ttl(row), ...filter }),
      }
    case 'apply':
      return {
        type: BATCH_APPLY,
        key,
        udf: { module: row.module, funcname: row.function, args: row.args.map(encodeValue) },
        ...(filter && { policy: new Aerospike.BatchApplyPolicy(filter) }),
      }
    case 'remove': {
      if (filter === undefined && row.relaxedCommit !== true) return { type: BATCH_REMOVE, key }
      const policy = new Aerospike.BatchRemovePolicy({
        ...filter,
        ...(row.relaxedCommit === true && { commitLevel: Aerospike.policy.commitLevel.MASTER }),
      } as ConstructorParameters<typeof Aerospike.BatchRemovePolicy>[0])
      return { type: BATCH_REMOVE, key, policy }
    }
  }
}

function clientKey({ set, userKey }: RecordKey, namespace: string): unknown {
  if (userKey.length === 0) throw new InvalidArgumentError('userKey', 'at least one byte', userKey)
  return new Aerospike.Key(
    namespace,
    set,
    typeof userKey === 'string' ? userKey : (encodeValue(userKey) as Buffer),
  )
}

const EXISTS = {
  any: Aerospike.policy.exists.IGNORE,
  'create-only': Aerospike.policy.exists.CREATE,
  'update-only': Aerospike.policy.exists.UPDATE,
} as const satisfies Record<ExistsPolicy, number>

function writePolicy(exists: ExistsPolicy, options: { ttl: number; filterExpression?: unknown }) {
  return new Aerospike.BatchWritePolicy({ exists: EXISTS[exists], ...(options as { ttl: number }) })
}

/**
 * Batched writes are sent with "use the namespace's default" time to live (semantics 1.1), which the store
 * requires to be 0, and never with the user key.
 */
const WRITE_POLICIES = {
  any: writePolicy('any', { ttl: Aerospike.ttl.NAMESPACE_DEFAULT }),
  'create-only': writePolicy('create-only', { ttl: Aerospike.ttl.NAMESPACE_DEFAULT }),
  'update-only': writePolicy('update-only', { ttl: Aerospike.ttl.NAMESPACE_DEFAULT }),
} as const

function ttl({ ttlSeconds }: WriteRow): number {
  if (ttlSeconds === undefined) return Aerospike.ttl.NAMESPACE_DEFAULT
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > TTL_SECONDS_MAX)
    throw new InvalidArgumentError('ttlSeconds', `a whole number from 1 to ${TTL_SECONDS_MAX}`, ttlSeconds)
  return ttlSeconds
}

/** The server refuses more than ten years. */
const TTL_SECONDS_MAX = 10 * 365 * 24 * 60 * 60

const UNIQUE_UNORDERED = {
  order: lists.order.UNORDERED,
  writeFlags: lists.writeFlags.ADD_UNIQUE | lists.writeFlags.NO_FAIL,
}

const KEY_ORDERED = new Aerospike.MapPolicy({ order: maps.order.KEY_ORDERED })

/** The npm client's typings are narrower than what it takes, for values as for policies. */
type Loose = (...given: unknown[]) => unknown

function writeOperation(operation: WriteOperation): unknown {
  const { bin } = operation
  switch (operation.kind) {
    case 'put':
      return typeof operation.value === 'bigint'
        ? putBigint(bin, operation.value)
        : (operations.write as Loose)(bin, encodeValue(operation.value))
    case 'unset':
      // A value of null deletes the bin.
      return (operations.write as Loose)(bin, null)
    case 'add':
      return (operations.incr as Loose)(bin, safeInteger(operation.value))
    case 'list-append-unique':
      return (lists.append as Loose)(bin, encodeValue(operation.value), UNIQUE_UNORDERED)
    case 'list-remove-value':
      return (lists.removeByValue as Loose)(bin, encodeValue(operation.value), lists.returnType.NONE)
    case 'map-put':
      return (maps.put as Loose)(bin, encodeValue(operation.key), encodeValue(operation.value))
    case 'map-remove':
      return (maps.removeByKey as Loose)(bin, encodeValue(operation.key), maps.returnType.NONE)
    case 'map-put-all':
      return (maps.putItems as Loose)(bin, encodeValue(operation.entries), KEY_ORDERED)
    case 'map-remove-all':
      return (maps.removeByKeyList as Loose)(bin, encodeValue(operation.keys), maps.returnType.NONE)
  }
}

/** The npm client refuses a bigint as the whole value of a bin; as the result of an expression it takes one. */
function putBigint(bin: string, value: bigint): unknown {
  return (exp.operations.write as Loose)(bin, bigintExpression(value), exp.expWriteFlags.DEFAULT)
}

function safeInteger(value: number | bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError('addend', 'a safe integer', value)
  return number
}
