import { PARTICLE_TYPES, type Particle, RESULT_CODES } from '../../../protocol/index.ts'
import { badRequest, CommandError } from '../../command-error.ts'
import type { Bin } from '../../storage/bin-list.ts'
import { type Arguments, parseCollectionRequest } from '../collections/collection-request.ts'
import type { OperationHandler } from '../operation-handler.ts'
import { BIT_MODIFIES } from './bit-modifies.ts'
import { BIT_READS } from './bit-reads.ts'
import { BIT_WRITE_FLAGS, knownFlags } from './bit-request.ts'

/** Failures that NO_FAIL turns into doing nothing; a bad request stays one. */
const FORGIVEN: ReadonlySet<number> = new Set([
  RESULT_CODES.BIN_EXISTS,
  RESULT_CODES.BIN_NOT_FOUND,
  RESULT_CODES.OP_NOT_APPLICABLE,
])

/** Flags that contradict each other. */
const EXISTENCE_FLAGS = BIT_WRITE_FLAGS.CREATE_ONLY | BIT_WRITE_FLAGS.UPDATE_ONLY

/** The operation of a payload, which has no context: a blob has no inside. @throws CommandError PARAMETER */
function operationOf<T>(payload: Buffer, table: ReadonlyMap<number, T>) {
  const { context, code, args } = parseCollectionRequest(payload)
  const found = context.length > 0 ? undefined : table.get(code)
  if (found === undefined) throw new CommandError(RESULT_CODES.PARAMETER, `bit operation ${code}`)
  return { found, args }
}

/** @throws CommandError PARAMETER */
function checkCount({ count }: Arguments, min: number, max: number): void {
  if (count < min || count > max) throw badRequest(`operation with ${count} arguments`)
}

function isOtherType(bin: Bin | undefined): boolean {
  return bin !== undefined && bin.type !== PARTICLE_TYPES.BLOB
}

export const bitsRead: OperationHandler = {
  access: 'read',
  inReplace: true,
  answersBin: true,
  apply(operation, { bins, answers }) {
    const bin = bins.get(operation.name)
    if (bin === undefined) {
      answers.nothing(operation)
      return
    }
    const { type, value } = readBlob(operation.value, bin.value, isOtherType(bin))
    answers.result(operation, type, value)
  },
}

/**
 * What the read operation of a payload answers about a blob.
 *
 * @param isOther it is none, which is told after everything that is wrong with the payload, as by a real server
 * @throws CommandError
 */
export function readBlob(payload: Buffer, blob: Buffer, isOther = false): Particle {
  const { found, args } = operationOf(payload, BIT_READS)
  checkCount(args, 2, found.argumentsMax)
  found.check(args)
  if (isOther) throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
  return found.read(blob, args)
}

export const bitsModify: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: true,
  apply(operation, { bins, answers }) {
    const bin = bins.get(operation.name)
    const changed = changedBlob(operation.value, bin?.value, isOtherType(bin))
    if (changed !== undefined) bins.set(operation.name, PARTICLE_TYPES.BLOB, changed)
    answers.nothing(operation)
  },
}

/**
 * A blob, or none, after the operation of a payload; `undefined` when that does nothing.
 *
 * @param isOther as for readBlob
 * @throws CommandError
 */
export function changedBlob(payload: Buffer, blob: Buffer | undefined, isOther = false): Buffer | undefined {
  const { found, args } = operationOf(payload, BIT_MODIFIES)
  checkCount(args, found.flagsArgument, found.flagsArgument + 1 + (found.argumentsBehindFlags ?? 0))
  const flags = knownFlags(args, found.flagsArgument, found.flagsAllowed)
  if ((flags & EXISTENCE_FLAGS) === EXISTENCE_FLAGS) throw badRequest(`bit flags ${flags}`)
  found.check(args)
  try {
    refuseByFlags(blob, flags, (found.flagsAllowed & BIT_WRITE_FLAGS.CREATE_ONLY) !== 0)
    if (isOther) throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
    const changed = found.modify(blob ?? Buffer.alloc(0), args, flags)
    return blob === undefined && changed.length === 0 ? undefined : changed
  } catch (error) {
    const isForgiven = error instanceof CommandError && FORGIVEN.has(error.resultCode)
    if (isForgiven && (flags & BIT_WRITE_FLAGS.NO_FAIL) !== 0) return undefined
    throw error
  }
}

/** @throws CommandError BIN_EXISTS, BIN_NOT_FOUND */
function refuseByFlags(blob: Buffer | undefined, flags: number, creates: boolean): void {
  if (blob !== undefined) {
    if ((flags & BIT_WRITE_FLAGS.CREATE_ONLY) !== 0) throw new CommandError(RESULT_CODES.BIN_EXISTS)
  } else if (!creates || (flags & BIT_WRITE_FLAGS.UPDATE_ONLY) !== 0) {
    throw new CommandError(RESULT_CODES.BIN_NOT_FOUND)
  }
}
