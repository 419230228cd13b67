import { type Operation, PARTICLE_TYPES, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import type { Bin } from '../../storage/bin-list.ts'
import type { OperationHandler, OperationScope } from '../operation-handler.ts'
import { type CollectionRequest, parseCollectionRequest, SELECT_CODE } from './collection-request.ts'
import { changeAt, follow } from './context.ts'
import { type Element, elementParticle, NIL } from './element.ts'
import { type Family, familyOf } from './family.ts'

/** The operation of a payload. @throws CommandError PARAMETER, UNSUPPORTED_FEATURE */
function requestOf(operation: Operation): CollectionRequest {
  const request = parseCollectionRequest(operation.value)
  if (request.code === SELECT_CODE) {
    throw new CommandError(RESULT_CODES.UNSUPPORTED_FEATURE, 'path operations are not supported')
  }
  return request
}

/**
 * The list or map that a bin holds.
 *
 * @throws CommandError INCOMPATIBLE_TYPE for a bin of another family; a context may lead from one into the
 *   other, but a bin that is neither is a bad request then
 */
function rootOf(bin: Bin, { context }: CollectionRequest, family: Family): Element {
  if (context.length === 0) {
    if (bin.type !== family.particleType) throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
  } else if (bin.type !== PARTICLE_TYPES.LIST && bin.type !== PARTICLE_TYPES.MAP) {
    throw new CommandError(RESULT_CODES.PARAMETER, 'context into a bin that is no list or map')
  }
  return bin.value
}

export const collectionRead: OperationHandler = {
  access: 'read',
  inReplace: true,
  answersBin: true,
  apply(operation, { bins, answers, inWrite }) {
    const request = requestOf(operation)
    const bin = bins.get(operation.name)
    if (bin === undefined) {
      answers.nothing(operation)
      return
    }
    const family = familyOf(request.code)
    const answer = family.read(follow(rootOf(bin, request, family), request.context), request)
    const { type, value } = elementParticle(answer)
    if (type === PARTICLE_TYPES.NULL && !inWrite) answers.nothing(operation)
    else answers.result(operation, type, value)
  },
}

export const collectionModify: OperationHandler = {
  access: 'write',
  inReplace: false,
  answersBin: true,
  apply(operation, scope) {
    const { type, value } = elementParticle(modify(operation, scope))
    if (type === PARTICLE_TYPES.NULL) scope.answers.nothing(operation)
    else scope.answers.result(operation, type, value)
  },
}

/** Changes a bin; gives the element that answers. */
function modify(operation: Operation, { bins }: OperationScope): Element {
  const request = requestOf(operation)
  const family = familyOf(request.code)
  const bin = bins.get(operation.name)
  const root = bin === undefined ? undefined : rootOf(bin, request, family)
  let answer = NIL
  const changed = changeAt(root, request.context, element => {
    if (root === undefined && family.needsBin(request.code)) {
      throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE, 'no bin')
    }
    const change = family.modify(element, request)
    answer = change.answer ?? NIL
    return change.element
  })
  if (changed !== undefined && changed !== root) bins.set(operation.name, particleTypeOf(changed), changed)
  return answer
}

function particleTypeOf(container: Element): number {
  return elementParticle(container).type
}
