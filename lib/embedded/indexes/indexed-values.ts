import { MSGPACK_KINDS, MsgpackReader, PARTICLE_TYPES } from '../../protocol/index.ts'
import { CommandError } from '../command-error.ts'
import type { ContextLevel } from '../operations/collections/collection-request.ts'
import { decodeContainer } from '../operations/collections/container.ts'
import { follow } from '../operations/collections/context.ts'
import { type Element, elementParticle } from '../operations/collections/element.ts'
import { INDEX_COLLECTIONS } from './index-definition.ts'
import { hashKey, type IndexKey, integerKey, keyOfInteger } from './index-key.ts'

/** A value as bins and expressions have it. */
export interface IndexedParticle {
  readonly type: number
  readonly value: Buffer
}

/** Takes one value: its key, and the bytes that the key is the hash of, if it is. */
export type ValueVisitor = (key: IndexKey, bytes: Buffer | undefined) => void

/** What of a particle is indexed (protocol 10.1). */
export interface ValueSelection {
  readonly valueType: number
  readonly collection: number
  readonly context: readonly ContextLevel[]
}

/** Visits the values of a particle that an index holds, in the order they are found in; some may repeat. */
export function visitValues(
  selection: ValueSelection,
  particle: IndexedParticle | undefined,
  visitor: ValueVisitor,
): void {
  // An index on regions can be defined, but holds nothing.
  if (selection.valueType === PARTICLE_TYPES.GEOJSON) return
  const selected = particle === undefined ? undefined : followed(particle, selection.context)
  if (selected === undefined) return
  const { collection, valueType } = selection
  if (collection === INDEX_COLLECTIONS.DEFAULT) visitParticle(selected, valueType, visitor)
  else visitCollection(selected, collection, valueType, visitor)
}

/** What a context leads to, or undefined where it leads nowhere. */
function followed(particle: IndexedParticle, context: readonly ContextLevel[]): IndexedParticle | undefined {
  if (context.length === 0) return particle
  if (particle.type !== PARTICLE_TYPES.LIST && particle.type !== PARTICLE_TYPES.MAP) return undefined
  try {
    const { type, value } = elementParticle(follow(particle.value, context))
    return { type, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) }
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}

function visitParticle({ type, value }: IndexedParticle, valueType: number, visitor: ValueVisitor): void {
  if (type !== valueType) return
  if (type === PARTICLE_TYPES.INTEGER) visitor(integerKey(value, 0), undefined)
  else visitor(hashKey(value), value)
}

function visitCollection(
  { type, value }: IndexedParticle,
  collection: number,
  valueType: number,
  visitor: ValueVisitor,
): void {
  const expectedType = collection === INDEX_COLLECTIONS.LIST ? PARTICLE_TYPES.LIST : PARTICLE_TYPES.MAP
  const container = type === expectedType ? decodeContainer(value) : undefined
  if (container === undefined) return
  if (container.kind === 'list') {
    for (const element of container.elements) visitElement(element, valueType, visitor)
    return
  }
  const isByKey = collection === INDEX_COLLECTIONS.MAP_KEYS
  for (const entry of container.entries) visitElement(isByKey ? entry.key : entry.value, valueType, visitor)
}

function visitElement(element: Element, valueType: number, visitor: ValueVisitor): void {
  const reader = new MsgpackReader(element)
  const kind = reader.next()
  if (kind === MSGPACK_KINDS.INTEGER) {
    if (valueType === PARTICLE_TYPES.INTEGER) visitor(keyOfInteger(reader.integer()), undefined)
  } else if (kind === MSGPACK_KINDS.BYTES && reader.size > 0 && element[reader.start] === valueType) {
    const bytes = reader.payload().subarray(1)
    visitor(hashKey(bytes), bytes)
  }
}
