import { INDEX_COLLECTIONS, type IndexDefinition } from '../../../lib/embedded/indexes/index-definition.ts'
import {
  ByteWriter,
  encodeParticle,
  FIELD_TYPES,
  findField,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  type MessageInit,
  type OperationInit,
  PARTICLE_TYPES,
  PARTITION_COUNT,
  type Value,
} from '../../../lib/protocol/index.ts'
import { SET } from './test-node.ts'

export type FieldInit = NonNullable<MessageInit['fields']>[number]

/** An index on the integers of a bin of the usual set, unless told otherwise. */
export function definition(change: Partial<IndexDefinition> = {}): IndexDefinition {
  return {
    name: 'ix',
    setName: SET,
    binName: 'n',
    valueType: PARTICLE_TYPES.INTEGER,
    collection: INDEX_COLLECTIONS.DEFAULT,
    context: undefined,
    expression: undefined,
    ...change,
  }
}

export function partitionIds(ids: Iterable<number>): FieldInit {
  const list = [...ids]
  const data = Buffer.alloc(2 * list.length)
  for (const [at, id] of list.entries()) data.writeUInt16LE(id, 2 * at)
  return { type: FIELD_TYPES.PARTITION_IDS, data }
}

export const ALL_PARTITION_IDS = partitionIds(Array(PARTITION_COUNT).keys())

/** Field 22, for values of one type. */
export function rangeField(binName: string, first: Value, last: Value = first): FieldInit {
  const begin = encodeParticle(first)
  const end = encodeParticle(last)
  const writer = new ByteWriter().uint8(1).uint8(binName.length).bytes(Buffer.from(binName)).uint8(begin.type)
  for (const { value } of [begin, end]) writer.uint32(value.byteLength).bytes(value)
  return { type: FIELD_TYPES.INDEX_RANGE, data: writer.view() }
}

export function uint64(value: number): Buffer {
  const data = Buffer.alloc(8)
  data.writeBigUInt64BE(BigInt(value))
  return data
}

let lastTaskId = 0

function addressed(setName: string): FieldInit[] {
  return [
    { type: FIELD_TYPES.NAMESPACE, data: Buffer.from('test') },
    ...(setName === '' ? [] : [{ type: FIELD_TYPES.SET, data: Buffer.from(setName) }]),
    { type: FIELD_TYPES.TASK_ID, data: uint64(++lastTaskId) },
  ]
}

/** A query as clients send it, of all partitions unless the fields name some. */
export function query(fields: readonly FieldInit[] = [], init: MessageInit = {}, setName = SET): MessageInit {
  const namesPartitions = fields.some(
    ({ type }) => type === FIELD_TYPES.PARTITION_IDS || type === FIELD_TYPES.DIGESTS,
  )
  return {
    info1: INFO1.READ,
    info3: INFO3.PARTITION_DONE,
    fields: [...addressed(setName), ...(namesPartitions ? [] : [ALL_PARTITION_IDS]), ...fields],
    ...init,
  }
}

/** A background job that writes. */
export function backgroundOperations(
  operations: readonly OperationInit[],
  fields: readonly FieldInit[] = [],
  init: MessageInit = {},
): MessageInit {
  return { info2: INFO2.WRITE, fields: [...addressed(SET), ...fields], operations, ...init }
}

/** The rows of an answer, without the message that ends it. */
export function rowsOf(messages: readonly Message[]): readonly Message[] {
  const last = messages.at(-1)
  if (last === undefined || (last.info3 & INFO3.LAST) === 0 || last.resultCode !== 0) {
    throw new Error(`query ended with code ${last?.resultCode}`)
  }
  return messages.slice(0, -1)
}

/** A field of a row, in hex. */
export function rowField(row: Message, type: number): string {
  return findField(row.fields, type)?.toString('hex') ?? ''
}
