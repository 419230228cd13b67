import {
  MSGPACK_KINDS,
  MsgpackReader,
  normaliseValue,
  ProtocolError,
  RESULT_CODES,
} from '../../../protocol/index.ts'
import { badRequest, CommandError } from '../../command-error.ts'
import { decodeContainer, type MapContainer } from './container.ts'
import { type Element, integerOf } from './element.ts'

/** In the place of a code: context and operation follow (protocol 8.2). */
export const CONTEXT_CODE = 0xff
/** Path operations, which take expressions, are not run by this server (protocol 8.7). */
export const SELECT_CODE = 0xfe
const CONTEXT_LEVELS_MAX = 64
/** No list of arguments is longer than that of the deepest context. */
const ARGUMENTS_MAX = 2 * CONTEXT_LEVELS_MAX
/** The largest that records can be configured to be: what is larger than that cannot be stored. */
const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024

/** A level of the path to the list or map that an operation works on (protocol 8.3). */
export interface ContextLevel {
  readonly type: number
  readonly value: Element
}

export interface CollectionRequest {
  /** Outermost first; empty for an operation on the bin itself. */
  readonly context: readonly ContextLevel[]
  readonly code: number
  readonly args: Arguments
}

/** Runs a step of decoding; what is no msgpack, or none that is allowed there, is a bad request. */
function decoding<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (error instanceof ProtocolError) throw badRequest(error.message)
    throw error
  }
}

/** @throws CommandError PARAMETER for a payload that is no operation, RECORD_TOO_BIG for a huge one */
export function parseCollectionRequest(payload: Buffer): CollectionRequest {
  if (payload.length > PAYLOAD_BYTES_MAX) throw new CommandError(RESULT_CODES.RECORD_TOO_BIG)
  return decoding(() => {
    const outer = Arguments.read(new MsgpackReader(payload))
    if (outer.integer(0) !== CONTEXT_CODE)
      return { context: [], code: outer.integer(0), args: outer.after(1) }
    const operation = outer.nested(2)
    return { context: contextLevels(outer.nested(1)), code: operation.integer(0), args: operation.after(1) }
  })
}

/** A context on its own, as definitions of indexes have it. @throws CommandError PARAMETER for anything else */
export function parseContext(bytes: Buffer): ContextLevel[] {
  return decoding(() => contextLevels(Arguments.read(new MsgpackReader(bytes))))
}

function contextLevels(pairs: Arguments): ContextLevel[] {
  if (pairs.count === 0 || pairs.count % 2 !== 0) throw badRequest('context without levels, or half of one')
  if (pairs.count / 2 > CONTEXT_LEVELS_MAX) throw badRequest('context of too many levels')
  const levels: ContextLevel[] = []
  for (let at = 0; at < pairs.count; at += 2) {
    levels.push({ type: pairs.integer(at), value: pairs.value(at + 1) })
  }
  return levels
}

/** The arguments of an operation, read when asked for. Every getter throws CommandError PARAMETER. */
export class Arguments {
  readonly #source: Buffer
  readonly #offsets: readonly number[]

  private constructor(source: Buffer, offsets: readonly number[]) {
    this.#source = source
    this.#offsets = offsets
  }

  /** The elements of the list that a reader stands before. */
  static read(reader: MsgpackReader): Arguments {
    if (reader.next() !== MSGPACK_KINDS.LIST) throw badRequest('no list of arguments')
    if (reader.size > ARGUMENTS_MAX) throw badRequest('too many arguments')
    const offsets: number[] = []
    for (let left = reader.size; left > 0; left--) {
      offsets.push(reader.offset)
      reader.skip()
    }
    return new Arguments(reader.source, offsets)
  }

  get count(): number {
    return this.#offsets.length
  }

  after(position: number): Arguments {
    return new Arguments(this.#source, this.#offsets.slice(position))
  }

  nested(position: number): Arguments {
    return decoding(() => Arguments.read(new MsgpackReader(this.#source, this.#offset(position))))
  }

  integer(position: number): number {
    return integerOf(this.#source.subarray(this.#offset(position)))
  }

  integerOr(position: number, missing: number): number {
    return position < this.count ? this.integer(position) : missing
  }

  /** How many elements a range has: all the rest when there is no such argument, or a negative one. */
  rangeCount(position: number): number {
    const count = this.integerOr(position, -1)
    return count < 0 ? Number.POSITIVE_INFINITY : count
  }

  /** A value to store. */
  value(position: number): Element {
    return decoding(() => normaliseValue(this.#source, this.#offset(position), false))
  }

  /** A value to compare with: it may hold wildcard and infinity. */
  bound(position: number): Element {
    return decoding(() => normaliseValue(this.#source, this.#offset(position), true))
  }

  boundOr(position: number, missing: Element): Element {
    return position < this.count ? this.bound(position) : missing
  }

  /** The elements of a list of values to store. */
  values(position: number): readonly Element[] {
    return listOf(this.value(position))
  }

  /** The elements of a list of values to compare with. */
  bounds(position: number): readonly Element[] {
    return listOf(this.bound(position))
  }

  map(position: number): MapContainer {
    const container = decodeContainer(this.value(position))
    if (container?.kind !== 'map') throw badRequest('argument that is no map')
    return container
  }

  #offset(position: number): number {
    const offset = this.#offsets[position]
    if (offset === undefined) throw badRequest(`operation without argument ${position}`)
    return offset
  }
}

function listOf(element: Element): readonly Element[] {
  const container = decodeContainer(element)
  if (container?.kind !== 'list') throw badRequest('argument that is no list')
  return container.elements
}
