import { type Operation, PARTICLE_TYPES, RESULT_CODES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { OperationHandler, OperationScope } from './operation-handler.ts'
import { storedParticle } from './stored-particle.ts'

/** An operation READ with an empty name, in a command with GET_ALL, reads all bins (protocol 5.4). */
export const ALL_BINS_NAME = ''

export const read: OperationHandler = {
  access: 'read',
  inReplace: true,
  answersBin: true,
  apply(operation, { bins, answers }) {
    const bin = bins.get(operation.name)
    if (bin === undefined) answers.nothing(operation)
    else answers.result(operation, bin.type, bin.value)
  },
}

export const write: OperationHandler = {
  access: 'write',
  inReplace: true,
  answersBin: false,
  apply(operation, { bins, answers }) {
    if (operation.particleType === PARTICLE_TYPES.NULL) bins.delete(operation.name)
    else {
      const value = storedParticle(operation.particleType, operation.value)
      bins.set(operation.name, operation.particleType, value)
    }
    answers.nothing(operation)
  },
}

export const increment: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: false,
  apply(operation, { bins, answers }) {
    const { name, particleType } = operation
    if (particleType === PARTICLE_TYPES.NULL) throw new CommandError(RESULT_CODES.PARAMETER)
    const delta = storedParticle(particleType, operation.value)
    const bin = bins.get(name)
    if ((bin?.type ?? particleType) !== particleType) throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
    if (particleType === PARTICLE_TYPES.INTEGER) {
      bins.set(name, particleType, bin === undefined ? delta : sumOfIntegers(bin.value, delta))
    } else if (particleType === PARTICLE_TYPES.DOUBLE) {
      bins.set(name, particleType, bin === undefined ? delta : sumOfDoubles(bin.value, delta))
    } else throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
    answers.nothing(operation)
  },
}

/** Wraps around at 64 bits. */
function sumOfIntegers(left: Buffer, right: Buffer): Buffer {
  const sum = Buffer.allocUnsafe(8)
  sum.writeBigInt64BE(BigInt.asIntN(64, left.readBigInt64BE(0) + right.readBigInt64BE(0)))
  return sum
}

function sumOfDoubles(left: Buffer, right: Buffer): Buffer {
  const sum = Buffer.allocUnsafe(8)
  sum.writeDoubleBE(left.readDoubleBE(0) + right.readDoubleBE(0))
  return sum
}

/** Types that append and prepend join; two of one type only. */
const JOINABLE: ReadonlySet<number> = new Set([
  PARTICLE_TYPES.STRING,
  PARTICLE_TYPES.BLOB,
  PARTICLE_TYPES.JAVA_BLOB,
  PARTICLE_TYPES.CSHARP_BLOB,
  PARTICLE_TYPES.PYTHON_BLOB,
  PARTICLE_TYPES.RUBY_BLOB,
  PARTICLE_TYPES.PHP_BLOB,
  PARTICLE_TYPES.ERLANG_BLOB,
])

/** On a missing bin any value is written, joinable or not: the server looks at the bin only. */
function join(operation: Operation, { bins, answers }: OperationScope, inFront: boolean): void {
  const { name, particleType } = operation
  if (particleType === PARTICLE_TYPES.NULL) throw new CommandError(RESULT_CODES.PARAMETER)
  const bin = bins.get(name)
  if (bin === undefined) bins.set(name, particleType, storedParticle(particleType, operation.value))
  else {
    if (bin.type !== particleType || !JOINABLE.has(particleType)) {
      throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
    }
    const parts = inFront ? [operation.value, bin.value] : [bin.value, operation.value]
    bins.set(name, particleType, Buffer.concat(parts))
  }
  answers.nothing(operation)
}

export const append: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: false,
  apply: (operation, scope) => join(operation, scope, false),
}

export const prepend: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: false,
  apply: (operation, scope) => join(operation, scope, true),
}

/** Renews generation and expiry, as every write does; it answers nothing even when all have to. */
export const touch: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: false,
  needsRecord: true,
  apply() {},
}

export const deleteAll: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: false,
  apply(operation, { bins, answers }) {
    bins.clear()
    answers.nothing(operation)
  },
}
