import {
  BATCH_FLAGS,
  type BatchRowInit,
  encodeBatch,
  encodeParticle,
  FIELD_TYPES,
  INFO1,
  INFO2,
  OPERATION_CODES,
  type Value,
} from '../../../lib/protocol/index.ts'
import {
  digest,
  type Field,
  keyFields,
  message,
  NAMESPACE,
  type Request,
  SET,
  sometimesFiltered,
  text,
} from './envelope.ts'
import { MODULE_NAME } from './lua-module.ts'
import { sometimesMutated } from './mutations.ts'
import { anyOperation, operating } from './operations.ts'
import { anyValue, deeplyNested, pack } from './payload.ts'
import type { Random } from './random.ts'

export const operate: Request = random => {
  const operations = random.times(random.integer(1, 2), () => anyOperation(random))
  return message({
    ...operating(operations),
    generation: random.integer(0, 3),
    recordTtl: random.pick([0, 0, 0, 100, 0xffffffff, 0xfffffffe]),
    fields: [...keyFields(random), ...sometimesFiltered(random)],
    operations,
  })
}

/** Bins of each type, so that the operations find some. */
export const put: Request = random =>
  message({
    info2: INFO2.WRITE,
    fields: [...keyFields(random), ...sometimesFiltered(random)],
    operations: Object.entries({
      i: random.integer(0, 99),
      s: 'text',
      b: random.bytes(8),
      l: [1, 0.5, ...random.times(3, () => anyValue(random, 1)), [2, 'a'], new Map([['a', 3]])],
      m: new Map<Value, Value>([
        ['a', anyValue(random, 1)],
        ['b', [1, 2]],
        [1, 5],
      ]),
    }).map(([name, value]) => {
      const particle = encodeParticle(value)
      return { code: OPERATION_CODES.WRITE, particleType: particle.type, name, value: particle.value }
    }),
  })

export const get: Request = random =>
  message({
    info1: random.pick([INFO1.READ | INFO1.GET_ALL, INFO1.READ | INFO1.GET_NO_BINS]),
    fields: [...keyFields(random), ...sometimesFiltered(random)],
  })

export const remove: Request = random =>
  message({
    info2: INFO2.WRITE | INFO2.DELETE,
    fields: [...keyFields(random), ...sometimesFiltered(random)],
  })

export function udfFields(random: Random): Field[] {
  const name = random.pick(['echo', 'put', 'grow', 'keys', 'blob', 'missing'])
  const args = random.chance(0.1) ? deeplyNested(random) : pack([anyValue(random)])
  return [
    text(FIELD_TYPES.UDF_MODULE, MODULE_NAME),
    text(FIELD_TYPES.UDF_FUNCTION, name),
    { type: FIELD_TYPES.UDF_ARGUMENTS, data: sometimesMutated(args, random) },
  ]
}

export const udf: Request = random =>
  message({ info2: INFO2.WRITE, fields: [...keyFields(random), ...udfFields(random)] })

function batchRow(random: Random): BatchRowInit {
  if (random.chance(0.2)) return { digest: digest(random), repeat: true }
  const fields = [text(FIELD_TYPES.NAMESPACE, NAMESPACE), text(FIELD_TYPES.SET, SET)]
  const kind = random.integer(0, 3)
  if (kind === 0) return { digest: digest(random), info1: INFO1.READ | INFO1.GET_ALL, fields }
  if (kind === 1) return { digest: digest(random), info2: INFO2.WRITE | INFO2.DELETE, fields }
  if (kind === 2) {
    return { digest: digest(random), info2: INFO2.WRITE, fields: [...fields, ...udfFields(random)] }
  }
  const operations = [anyOperation(random)]
  return {
    digest: digest(random),
    ...operating(operations),
    generation: random.integer(0, 2),
    recordTtl: 0,
    fields: [...fields, ...sometimesFiltered(random)],
    operations,
  }
}

export const batch: Request = random => {
  const rows = random.times(random.integer(1, 8), () => batchRow(random))
  const flags = random.pick([BATCH_FLAGS.RESPOND_ALL_KEYS, BATCH_FLAGS.REPORT_ERROR_ROWS, 0x0f])
  return message({
    info1: INFO1.BATCH,
    fields: [
      { type: FIELD_TYPES.BATCH, data: sometimesMutated(encodeBatch(rows, flags), random) },
      ...sometimesFiltered(random),
    ],
  })
}
