import { PARTICLE_TYPES, type Particle, RESULT_CODES } from '../../../protocol/index.ts'
import { badRequest, CommandError } from '../../command-error.ts'
import type { Bin } from '../../storage/bin-list.ts'
import { type Arguments, parseCollectionRequest } from '../collections/collection-request.ts'
import type { OperationHandler } from '../operation-handler.ts'
import { BIT_MODIFIES } from './bit-modifies.ts'
import { BIT_READS } from './bit-reads.ts'
import { BIT_WRITE_FLAGS, writeFlags } from './bit-request.ts'

/** Failures that NO_FAIL turns into doing nothing; a bad request stays one. */
const FORGIVEN: ReadonlySet<number> = new Set([
  RESULT_CODES.BIN_EXISTS,
  RESULT_CODES.BIN_NOT_FOUND,
  RESULT_CODES.OP_NOT_APPLICABLE,
])

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

function refuseOtherTypes(bin: Bin | undefined): void {
  if (bin !== undefined && bin.type !== PARTICLE_TYPES.BLOB) {
    throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
  }
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
    refuseOtherTypes(bin)
    const { type, value } = readBlob(operation.value, bin.value)
    answers.result(operation, type, value)
  },
}

/** What the read operation of a payload answers about a blob. @throws CommandError */
export function readBlob(payload: Buffer, blob: Buffer): Particle {
  const { found, args } = operationOf(payload, BIT_READS)
  checkCount(args, 2, found.argumentsMax)
  return found.read(blob, args)
}

export const bitsModify: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: true,
  apply(operation, { bins, answers }) {
    const bin = bins.get(operation.name)
    refuseOtherTypes(bin)
    const changed = changedBlob(operation.value, bin?.value)
    if (changed !== undefined) bins.set(operation.name, PARTICLE_TYPES.BLOB, changed)
    answers.nothing(operation)
  },
}

/**
 * A blob, or none, after the operation of a payload; `undefined` when that does nothing.
 *
 * @throws CommandError
 */
export function changedBlob(payload: Buffer, blob: Buffer | undefined): Buffer | undefined {
  const { found, args } = operationOf(payload, BIT_MODIFIES)
  checkCount(args, found.flagsArgument, found.flagsArgument + 1 + (found.argumentsBehindFlags ?? 0))
  const flags = writeFlags(args, found.flagsArgument, found.flagsAllowed)
  found.check?.(args)
  try {
    refuseByFlags(blob, flags, (found.flagsAllowed & BIT_WRITE_FLAGS.CREATE_ONLY) !== 0)
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
