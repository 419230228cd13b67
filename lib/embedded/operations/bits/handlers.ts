import { type Operation, PARTICLE_TYPES, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import type { Bin } from '../../storage/bin-list.ts'
import { parseCollectionRequest } from '../collections/collection-request.ts'
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
function operationOf<T>(operation: Operation, table: ReadonlyMap<number, T>) {
  const { context, code, args } = parseCollectionRequest(operation.value)
  const found = context.length > 0 ? undefined : table.get(code)
  if (found === undefined) throw new CommandError(RESULT_CODES.PARAMETER, `bit operation ${code}`)
  return { found, args }
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
    const { found: read, args } = operationOf(operation, BIT_READS)
    const { type, value } = read(bin.value, args)
    answers.result(operation, type, value)
  },
}

export const bitsModify: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: true,
  apply(operation, { bins, answers }) {
    const bin = bins.get(operation.name)
    refuseOtherTypes(bin)
    const changed = changedBlob(operation, bin)
    if (changed !== undefined) bins.set(operation.name, PARTICLE_TYPES.BLOB, changed)
    answers.nothing(operation)
  },
}

/** The blob after an operation, `undefined` when it does nothing. @throws CommandError */
function changedBlob(operation: Operation, bin: Bin | undefined): Buffer | undefined {
  const { found, args } = operationOf(operation, BIT_MODIFIES)
  if (args.count < found.flagsArgument) throw new CommandError(RESULT_CODES.PARAMETER, 'arguments missing')
  const flags = writeFlags(args, found.flagsArgument, found.flagsAllowed)
  try {
    refuseByFlags(bin, flags, (found.flagsAllowed & BIT_WRITE_FLAGS.CREATE_ONLY) !== 0)
    const changed = found.modify(bin?.value ?? Buffer.alloc(0), args, flags)
    return bin === undefined && changed.length === 0 ? undefined : changed
  } catch (error) {
    const isForgiven = error instanceof CommandError && FORGIVEN.has(error.resultCode)
    if (isForgiven && (flags & BIT_WRITE_FLAGS.NO_FAIL) !== 0) return undefined
    throw error
  }
}

/** @throws CommandError BIN_EXISTS, BIN_NOT_FOUND */
function refuseByFlags(bin: Bin | undefined, flags: number, creates: boolean): void {
  if (bin !== undefined) {
    if ((flags & BIT_WRITE_FLAGS.CREATE_ONLY) !== 0) throw new CommandError(RESULT_CODES.BIN_EXISTS)
  } else if (!creates || (flags & BIT_WRITE_FLAGS.UPDATE_ONLY) !== 0) {
    throw new CommandError(RESULT_CODES.BIN_NOT_FOUND)
  }
}
