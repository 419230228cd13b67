import { PARTICLE_TYPES } from '../../protocol/index.ts'
import { changedBlob, readBlob } from '../operations/bits/handlers.ts'
import { parseCollectionRequest } from '../operations/collections/collection-request.ts'
import { changeAt, follow } from '../operations/collections/context.ts'
import { familyOf } from '../operations/collections/family.ts'
import { particleTypeOf } from './expression-types.ts'
import { type Operand, operandOfElement, operandOfParticle } from './operand.ts'

/** What a call works on. */
export interface CallTarget {
  /** The result is what the operation makes of the target, and not what it answers. */
  readonly isModify: boolean
  /** The bytes of a list, map or blob; `undefined` for nothing yet. */
  readonly target: Buffer | undefined
  /** One of EXPRESSION_TYPES. */
  readonly subjectType: number
}

/**
 * Runs the operation of a payload (protocol 8.2) on a target, which it leaves as it is.
 *
 * @returns `undefined` for no result, and for one of another type than the expected one
 * @throws CommandError when the operation fails
 */
export type ModuleCall = (payload: Buffer, target: CallTarget, resultType: number) => Operand | undefined

/** List and map operations. A context may lead from the one into the other. */
export const callCollection: ModuleCall = (payload, { isModify, target, subjectType }, resultType) => {
  const request = parseCollectionRequest(payload)
  const family = familyOf(request.code)
  const isOfFamily = request.context.length > 0 || particleTypeOf(subjectType) === family.particleType
  if (target !== undefined && !isOfFamily) return undefined
  if (!isModify) {
    if (target === undefined) return undefined
    return operandOfElement(family.read(follow(target, request.context), request), resultType)
  }
  if (target === undefined && family.needsBin(request.code)) return undefined
  const changed = changeAt(target, request.context, element => family.modify(element, request).element)
  const result = changed ?? target
  return result === undefined ? undefined : operandOfElement(result, resultType)
}

/** Bit operations. To read bits of nothing, which makes a real server end itself, is unknown here. */
export const callBits: ModuleCall = (payload, { isModify, target }, resultType) => {
  if (!isModify) {
    if (target === undefined) return undefined
    const { type, value } = readBlob(payload, target)
    return operandOfParticle({ type, value: bufferOf(value) }, resultType)
  }
  const result = changedBlob(payload, target) ?? target
  if (result === undefined) return undefined
  return operandOfParticle({ type: PARTICLE_TYPES.BLOB, value: result }, resultType)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
