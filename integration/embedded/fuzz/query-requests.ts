import {
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  OPERATION_CODES,
  PARTICLE_TYPES,
  PARTITION_COUNT,
} from '../../../lib/protocol/index.ts'
import {
  digest,
  type Field,
  message,
  NAMESPACE,
  type Request,
  SET,
  sometimesFiltered,
  text,
  uint32,
  uint64,
} from './envelope.ts'
import { MODULE_NAME } from './lua-module.ts'
import { sometimesMutated } from './mutations.ts'
import { binName, numberWrite } from './operations.ts'
import { pack } from './payload.ts'
import type { Random } from './random.ts'
import { udfFields } from './record-requests.ts'

function partitionIds(random: Random): Field {
  const data = Buffer.alloc(2 * random.pick([1, 16, PARTITION_COUNT]))
  for (let at = 0; at < data.length / 2; at++) data.writeUInt16LE(at, 2 * at)
  return { type: FIELD_TYPES.PARTITION_IDS, data }
}

/** One range on a bin (protocol 10.3). */
function indexRange(random: Random): Field {
  const name = Buffer.from(binName(random))
  const particle = random.chance(0.7)
    ? { type: PARTICLE_TYPES.INTEGER, begin: Buffer.alloc(8), end: Buffer.from('00000000000000ff', 'hex') }
    : { type: PARTICLE_TYPES.STRING, begin: Buffer.from('text'), end: Buffer.from('text') }
  const sized = (bytes: Buffer): Buffer[] => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(bytes.length)
    return [size, bytes]
  }
  const data = Buffer.concat([
    Buffer.from([1, name.length]),
    name,
    Buffer.from([particle.type]),
    ...sized(particle.begin),
    ...sized(particle.end),
  ])
  return { type: FIELD_TYPES.INDEX_RANGE, data: sometimesMutated(data, random) }
}

function queryFields(random: Random): Field[] {
  const fields = [text(FIELD_TYPES.NAMESPACE, NAMESPACE), uint64(FIELD_TYPES.TASK_ID, random.uint32())]
  if (random.chance(0.8)) fields.push(text(FIELD_TYPES.SET, SET))
  if (random.chance(0.3)) fields.push(uint64(FIELD_TYPES.RECORDS_MAX, random.integer(0, 20)))
  if (random.chance(0.2)) fields.push(uint32(FIELD_TYPES.RECORDS_PER_SECOND, random.integer(0, 9999)))
  if (random.chance(0.5)) fields.push(indexRange(random))
  if (random.chance(0.3)) fields.push({ type: FIELD_TYPES.INDEX_TYPE, data: random.bytes(1) })
  if (random.chance(0.1)) {
    fields.push({ type: FIELD_TYPES.INDEX_CONTEXT, data: sometimesMutated(pack([0x22, 'a']), random) })
  }
  return fields
}

export const query: Request = random => {
  const fields = [...queryFields(random), ...sometimesFiltered(random)]
  if (random.chance(0.9)) fields.push(partitionIds(random))
  if (random.chance(0.2)) {
    fields.push({ type: FIELD_TYPES.DIGESTS, data: Buffer.concat(random.times(3, () => digest(random))) })
    fields.push({ type: FIELD_TYPES.INDEX_VALUES, data: random.bytes(24) })
  }
  return message({ info1: INFO1.READ, info3: INFO3.PARTITION_DONE, fields })
}

const UDF_OPERATIONS = { AGGREGATE: 1, BACKGROUND: 2 } as const

export const background: Request = random => {
  const isUdf = random.chance(0.5)
  const fields = queryFields(random)
  if (isUdf) {
    fields.push(...udfFields(random))
    fields.push({ type: FIELD_TYPES.UDF_OPERATION, data: Buffer.from([UDF_OPERATIONS.BACKGROUND]) })
  }
  return message({
    info2: INFO2.WRITE,
    fields,
    operations: isUdf ? [] : [numberWrite(random, OPERATION_CODES.INCREMENT)],
  })
}

export const aggregation: Request = random =>
  message({
    info1: INFO1.READ,
    info3: INFO3.PARTITION_DONE,
    fields: [
      ...queryFields(random),
      partitionIds(random),
      text(FIELD_TYPES.UDF_MODULE, MODULE_NAME),
      text(FIELD_TYPES.UDF_FUNCTION, 'pass'),
      { type: FIELD_TYPES.UDF_ARGUMENTS, data: pack([]) },
      { type: FIELD_TYPES.UDF_OPERATION, data: Buffer.from([UDF_OPERATIONS.AGGREGATE]) },
    ],
  })
