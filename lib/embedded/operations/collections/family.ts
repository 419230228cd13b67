import { PARTICLE_TYPES, RESULT_CODES } from '../../../protocol/index.ts'
import { CommandError } from '../../command-error.ts'
import type { ModifyOperation, ReadOperation } from './collection-operation.ts'
import type { Arguments, CollectionRequest } from './collection-request.ts'
import {
  type Container,
  decodeContainer,
  encodeContainer,
  type ListContainer,
  type MapContainer,
} from './container.ts'
import type { Element } from './element.ts'
import { LIST_MODIFIES, LIST_READS } from './list-operations.ts'
import { MAP_MODIFIES, MAP_READS } from './map-operations.ts'

/** What a change leaves behind, as elements; `undefined` for no change, and for no answer. */
export interface ElementChange {
  readonly element?: Element | undefined
  readonly answer?: Element | undefined
}

/** The operations of lists, or those of maps. */
export interface Family {
  /** Of the bins that they work on. */
  readonly particleType: number
  /** @throws CommandError */
  read(element: Element, request: CollectionRequest): Element
  /** Whether a bin has to be there for the operation of a code to change. */
  needsBin(code: number): boolean
  /** @param element `undefined` when there is none yet @throws CommandError */
  modify(element: Element | undefined, request: CollectionRequest): ElementChange
}

function family<C extends Container>(
  particleType: number,
  isOfFamily: (container: Container | undefined) => container is C,
  reads: ReadonlyMap<number, ReadOperation<C>>,
  modifies: ReadonlyMap<number, ModifyOperation<C>>,
): Family {
  const decode = (element: Element): C => {
    const container = decodeContainer(element)
    if (!isOfFamily(container)) throw new CommandError(RESULT_CODES.INCOMPATIBLE_TYPE)
    return container
  }
  return {
    particleType,
    read(element, { code, args }) {
      const container = decode(element)
      return operationOf(reads, code, args).read(container, args)
    },
    needsBin: code => modifies.get(code)?.needsBin === true,
    modify(element, { context, code, args }) {
      const existing = element === undefined ? undefined : decode(element)
      const operation = operationOf(modifies, code, existing === undefined ? undefined : args)
      const container = existing ?? operation.created?.(args)
      if (container === undefined) return {}
      const change = operationOf(modifies, code, args).modify(container, args)
      // What flags keep from being written leaves an empty new bin behind, but no new level of a context.
      const isNewBin = existing === undefined && context.length === 0
      const changed = change.container ?? (isNewBin ? container : undefined)
      return { element: changed && encodeContainer(changed), answer: change.answer }
    },
  }
}

/**
 * The operation of a code.
 *
 * @param args checked to be neither too few nor too many; not when there is nothing to use them on
 * @throws CommandError PARAMETER
 */
function operationOf<T extends { readonly argumentsMin: number; readonly argumentsMax: number }>(
  operations: ReadonlyMap<number, T>,
  code: number,
  args: Arguments | undefined,
): T {
  const operation = operations.get(code)
  if (operation === undefined) throw new CommandError(RESULT_CODES.PARAMETER, `operation ${code}`)
  if (args === undefined) return operation
  if (args.count < operation.argumentsMin || args.count > operation.argumentsMax) {
    throw new CommandError(RESULT_CODES.PARAMETER, `operation ${code} with ${args.count} arguments`)
  }
  return operation
}

const LIST_FAMILY = family<ListContainer>(
  PARTICLE_TYPES.LIST,
  container => container?.kind === 'list',
  LIST_READS,
  LIST_MODIFIES,
)
const MAP_FAMILY = family<MapContainer>(
  PARTICLE_TYPES.MAP,
  container => container?.kind === 'map',
  MAP_READS,
  MAP_MODIFIES,
)

/** Codes from here on are those of maps (protocol 8.2). */
const MAP_CODE_MIN = 64

export function familyOf(code: number): Family {
  return code >= 0 && code < MAP_CODE_MIN ? LIST_FAMILY : MAP_FAMILY
}
