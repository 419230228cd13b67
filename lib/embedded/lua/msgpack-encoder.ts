import { MSGPACK_DEPTH_MAX } from '../../protocol/index.ts'
import { FIRST_UPVALUE, LUA_TYPE, type LuaApi, type LuaState } from './lua-api.ts'
import { type KeyHost, pushSortedKeys } from './map-keys.ts'
import { MsgpackBuffer } from './msgpack-buffer.ts'

/** What an encoder needs of the instance it encodes for. */
export interface EncoderHost {
  readonly api: LuaApi
  /** A view of the whole heap; another one after the heap has grown. */
  readonly heap: Buffer
  readonly lengthAt: number
  textAt(text: string): number
  pushBytes(state: LuaState, bytes: Uint8Array): void
  raise(state: LuaState, text: string): void
}

/**
 * The upvalues of the native functions, which are the arguments of `core.encoders` in this order (see msgpack.lua):
 * the elements of a list in order, an element of a list that is still encoded, the content of a bytes object.
 */
const ORDERED_ITEMS = FIRST_UPVALUE
const LIST_ITEM = FIRST_UPVALUE - 1
const TEXT_OF_BYTES = FIRST_UPVALUE - 2
const UPVALUES = 3

/** The fields of the states of objects that are looked at (see list.lua, map.lua and bytes.lua). */
const FIELDS = ['is', 'size', 'flags', 'items', 'positions', 'source', 'values', 'text', 'type'] as const
type FieldName = (typeof FIELDS)[number]

/** First letters of the kinds of states. */
const KIND = { bytes: 0x42, geojson: 0x47, list: 0x4c, map: 0x4d } as const

const TYPE_STRING = 3
const TYPE_BLOB = 4
const TYPE_GEOJSON = 23
const FLAG_ORDERED = 1

/** Slots of the Lua stack that one level of nesting takes at most, besides the keys of a map. */
const STACK_SLOTS_PER_LEVEL = 8

/**
 * Encodes lists and maps in the server's dialect of msgpack, by their states in Lua, for the same reason for which
 * MsgpackDecoder decodes here.
 *
 * In a bin an ordered list is stored in order; in a result it is as it is, and without its flags.
 */
export class MsgpackEncoder {
  readonly #host: EncoderHost
  readonly #api: LuaApi
  readonly #fieldAt: Readonly<Record<FieldName, number>>
  readonly #keyHost: KeyHost
  readonly #out = new MsgpackBuffer()
  #state: LuaState = 0
  #forBin = false
  #depth = 0

  constructor(host: EncoderHost) {
    this.#host = host
    this.#api = host.api
    this.#keyHost = { api: host.api, stringAt: index => this.#stringAt(index) }
    const addresses = FIELDS.map(name => [name, host.textAt(name)] as const)
    this.#fieldAt = Object.fromEntries(addresses) as Record<FieldName, number>
  }

  /** A native function that makes closures of `functions` over its arguments, see the upvalues. */
  closures(state: LuaState, functions: readonly number[]): number {
    for (const address of functions) {
      for (let i = 1; i <= UPVALUES; i++) this.#api.lua_pushvalue(state, i)
      this.#api.lua_pushcclosure(state, address, UPVALUES)
    }
    return functions.length
  }

  /** The native functions `encode_for_bin(state)` and `encode_result(state)`: a list or map as text. */
  encode(state: LuaState, forBin: boolean): number {
    this.#state = state
    this.#forBin = forBin
    this.#depth = 0
    this.#out.clear()
    this.#value()
    this.#host.pushBytes(state, this.#out.bytes())
    return 1
  }

  /** Takes the value on top of the stack. */
  #value(): void {
    const state = this.#state
    switch (this.#api.lua_type(state, -1)) {
      case LUA_TYPE.string:
        this.#out.text(TYPE_STRING, this.#stringAt(-1))
        break
      case LUA_TYPE.number:
        if (this.#api.lua_isinteger(state, -1) !== 0)
          this.#out.integer(this.#api.lua_tointegerx(state, -1, 0))
        else this.#out.double(this.#api.lua_tonumberx(state, -1, 0))
        break
      case LUA_TYPE.boolean:
        this.#out.boolean(this.#api.lua_toboolean(state, -1) !== 0)
        break
      default:
        this.#object()
    }
    this.#drop(1)
  }

  /** Leaves the state of the object on top of the stack. */
  #object(): void {
    this.#field(-1, 'is')
    const kind = this.#host.heap[this.#api.lua_tolstring(this.#state, -1, 0)]
    this.#drop(1)
    switch (kind) {
      case KIND.list:
        this.#enter()
        this.#list()
        this.#depth -= 1
        break
      case KIND.map:
        this.#enter()
        this.#map()
        this.#depth -= 1
        break
      case KIND.bytes:
        this.#bytes()
        break
      case KIND.geojson:
        this.#field(-1, 'text')
        this.#out.text(TYPE_GEOJSON, this.#stringAt(-1))
        this.#drop(1)
        break
      default:
        this.#out.nil()
    }
  }

  /** Whatever is nested deeper could be read by nobody, and a list in itself is. */
  #enter(): void {
    this.#reserveSlots(STACK_SLOTS_PER_LEVEL)
    if (++this.#depth > MSGPACK_DEPTH_MAX) this.#host.raise(this.#state, 'stack overflow')
  }

  #bytes(): void {
    const type = this.#integerField(-1, 'type')
    if (this.#field(-1, 'text') !== LUA_TYPE.string) {
      this.#drop(1)
      this.#api.lua_pushvalue(this.#state, TEXT_OF_BYTES)
      this.#api.lua_pushvalue(this.#state, -2)
      this.#api.lua_callk(this.#state, 1, 1, 0, 0)
    }
    this.#out.text(type & 0xff, this.#stringAt(-1))
    this.#drop(1)
  }

  // Lists ------------------------------------------------------------------------------------------------------------

  #list(): void {
    const state = this.#state
    const list = this.#api.lua_gettop(state)
    const size = this.#integerField(list, 'size')
    const flags = this.#forBin ? this.#integerField(list, 'flags') : 0
    this.#out.listHead(flags > 0 ? size + 1 : size)
    if (flags > 0) this.#out.listFlags(flags)
    if (size === 0) return

    const isEncoded = this.#field(list, 'positions') !== LUA_TYPE.nil
    this.#drop(1)
    this.#field(list, 'items')
    const isTouched = this.#api.lua_next(state, this.#nilAbove(list + 1)) !== 0
    this.#api.lua_settop(state, list + 1)
    if ((flags & FLAG_ORDERED) !== 0 && isTouched) this.#orderedItems(list)
    if (this.#forBin && isEncoded && ((flags & FLAG_ORDERED) === 0 || !isTouched))
      this.#encodedItems(list, size)
    else this.#items(list, size)
    this.#drop(1)
  }

  /** Pushes a nil for `lua_next` to begin with, and answers the index of the table below it. */
  #nilAbove(index: number): number {
    this.#api.lua_pushnil(this.#state)
    return index
  }

  /** Puts the elements in order in place of those above the list. */
  #orderedItems(list: number): void {
    this.#drop(1)
    this.#api.lua_pushvalue(this.#state, ORDERED_ITEMS)
    this.#api.lua_pushvalue(this.#state, list)
    this.#api.lua_callk(this.#state, 1, 1, 0, 0)
  }

  /** All elements, of which the table above the list holds those that were touched or decoded. */
  #items(list: number, size: number): void {
    for (let i = 1; i <= size; i++) {
      if (this.#api.lua_rawgeti(this.#state, list + 1, BigInt(i)) === LUA_TYPE.nil) {
        this.#drop(1)
        this.#api.lua_pushvalue(this.#state, LIST_ITEM)
        this.#api.lua_pushvalue(this.#state, list)
        this.#api.lua_pushinteger(this.#state, BigInt(i))
        this.#api.lua_callk(this.#state, 2, 1, 0, 0)
      }
      this.#value()
    }
  }

  /** The same of a list whose other elements are copied as they are encoded. */
  #encodedItems(list: number, size: number): void {
    this.#field(list, 'source')
    this.#field(list, 'positions')
    const source = this.#api.lua_tolstring(this.#state, list + 2, 0) - 1
    const positions = this.#api.lua_tolstring(this.#state, list + 3, 0)
    const positionOf = (i: number) => source + this.#host.heap.readUInt32LE(positions + 4 * (i - 1))
    let copied = 1
    for (let i = 1; i <= size; i++) {
      if (this.#api.lua_rawgeti(this.#state, list + 1, BigInt(i)) === LUA_TYPE.nil) {
        this.#drop(1)
        continue
      }
      this.#copy(positionOf(copied), i > copied ? positionOf(i) : positionOf(copied))
      this.#value()
      copied = i + 1
    }
    if (copied <= size) this.#copy(positionOf(copied), positionOf(size + 1))
    this.#drop(2)
  }

  #copy(start: number, end: number): void {
    if (end > start) this.#out.encoded(this.#host.heap.subarray(start, end))
  }

  // Maps -------------------------------------------------------------------------------------------------------------

  #map(): void {
    const state = this.#state
    const map = this.#api.lua_gettop(state)
    const flags = this.#integerField(map, 'flags')
    const size = this.#integerField(map, 'size')
    this.#out.mapHead(flags > 0 ? size + 1 : size)
    if (flags > 0) this.#out.mapFlags(flags)

    this.#field(map, 'values')
    this.#reserveSlots(size + STACK_SLOTS_PER_LEVEL)
    const values = map + 1
    for (const key of pushSortedKeys(this.#keyHost, state, values)) {
      if (key.integer !== undefined) this.#out.integer(key.integer)
      else if (key.text?.[0] === 0) this.#out.text(TYPE_BLOB, key.text.subarray(1))
      else this.#out.text(TYPE_STRING, key.text ?? Buffer.alloc(0))
      this.#api.lua_pushvalue(state, key.index)
      this.#api.lua_rawget(state, values)
      this.#value()
    }
    this.#api.lua_settop(state, map)
  }

  // The stack of Lua -------------------------------------------------------------------------------------------------

  /** Pushes a field of the table at an index, and answers its type. */
  #field(index: number, name: FieldName): number {
    return this.#api.lua_getfield(this.#state, index, this.#fieldAt[name])
  }

  #integerField(index: number, name: FieldName): number {
    this.#field(index, name)
    const value = Number(this.#api.lua_tointegerx(this.#state, -1, 0))
    this.#drop(1)
    return value
  }

  /** A view of the string at an index: until the heap grows. */
  #stringAt(index: number): Buffer {
    const { heap, lengthAt } = this.#host
    const at = this.#api.lua_tolstring(this.#state, index, lengthAt)
    return heap.subarray(at, at + heap.readUInt32LE(lengthAt))
  }

  #reserveSlots(slots: number): void {
    if (this.#api.lua_checkstack(this.#state, slots) === 0) this.#host.raise(this.#state, 'stack overflow')
  }

  #drop(count: number): void {
    this.#api.lua_settop(this.#state, -count - 1)
  }
}
