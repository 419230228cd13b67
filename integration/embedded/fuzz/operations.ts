import {
  encodeParticle,
  INFO1,
  INFO2,
  type MessageInit,
  OPERATION_CODES,
  type OperationInit,
  PARTICLE_TYPES,
} from '../../../lib/protocol/index.ts'
import { bitOperation, collectionOperation } from './collection-operations.ts'
import { expressionOperation } from './expressions.ts'
import { sometimesMutated } from './mutations.ts'
import { anyValue, deeplyNested, hugeCount, pack, particleOf } from './payload.ts'
import type { Random } from './random.ts'

export function binName(random: Random): string {
  return random.pick(['i', 's', 'b', 'l', 'm'])
}

function operation(code: number, name: string, value: Buffer): OperationInit {
  return { code, particleType: PARTICLE_TYPES.BLOB, name, value }
}

function writeOperation(random: Random): OperationInit {
  const { type, value } = encodeParticle(anyValue(random))
  return { code: OPERATION_CODES.WRITE, particleType: type, name: binName(random), value }
}

function hostileWrite(random: Random): OperationInit {
  const { type, bytes } = particleOf(random)
  return { code: OPERATION_CODES.WRITE, particleType: type, name: binName(random), value: bytes }
}

export function numberWrite(random: Random, code: number): OperationInit {
  const { type, value } = encodeParticle(random.pick([1, -5, 2n ** 63n - 1n, 0.5]))
  return { code, particleType: type, name: random.pick(['i', 's']), value }
}

const OPERATIONS: readonly [(random: Random) => OperationInit, ...((random: Random) => OperationInit)[]] = [
  writeOperation,
  hostileWrite,
  random => numberWrite(random, OPERATION_CODES.INCREMENT),
  random => ({ ...writeOperation(random), code: OPERATION_CODES.APPEND }),
  random => ({ ...writeOperation(random), code: OPERATION_CODES.PREPEND }),
  random => ({ code: OPERATION_CODES.READ, particleType: 0, name: binName(random) }),
  () => ({ code: OPERATION_CODES.TOUCH, particleType: 0, name: '' }),
  random => ({ code: random.integer(0, 20), particleType: random.integer(0, 24), name: binName(random) }),
  random => payload(random, OPERATION_CODES.CDT_MODIFY, 'l', random.pick([deeplyNested, hugeCount])(random)),
  random => payload(random, OPERATION_CODES.BITS_READ, 'b', bitOperation(random, true)),
  random => payload(random, OPERATION_CODES.BITS_MODIFY, 'b', bitOperation(random, false)),
  random => payload(random, OPERATION_CODES.EXPRESSION_READ, 'v', expressionOperation(random)),
  random => payload(random, OPERATION_CODES.EXPRESSION_MODIFY, 'i', expressionOperation(random)),
  random => payload(random, OPERATION_CODES.HLL_READ, 'h', pack([50])),
]

function payload(random: Random, code: number, name: string, bytes: Buffer): OperationInit {
  return operation(code, name, sometimesMutated(bytes, random))
}

/** Half of them work on lists and maps: there are most of these. */
export function anyOperation(random: Random): OperationInit {
  if (random.chance(0.5)) return random.pick(OPERATIONS)(random)
  const isRead = random.chance(0.5)
  const isList = random.chance(0.5)
  const code = isRead ? OPERATION_CODES.CDT_READ : OPERATION_CODES.CDT_MODIFY
  return payload(random, code, isList ? 'l' : 'm', collectionOperation(random, isList, isRead))
}

const READ_CODES: ReadonlySet<number> = new Set([
  OPERATION_CODES.READ,
  OPERATION_CODES.CDT_READ,
  OPERATION_CODES.BITS_READ,
  OPERATION_CODES.EXPRESSION_READ,
  OPERATION_CODES.HLL_READ,
])

/** The flags that operations need: a bad request would not get as far as they do. */
export function operating(operations: readonly OperationInit[]): Pick<MessageInit, 'info1' | 'info2'> {
  const reads = operations.some(({ code }) => READ_CODES.has(code))
  const writes = operations.some(({ code }) => !READ_CODES.has(code))
  return { info1: reads ? INFO1.READ : 0, info2: writes ? INFO2.WRITE : 0 }
}
