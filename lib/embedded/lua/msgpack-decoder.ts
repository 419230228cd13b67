import { FIRST_UPVALUE, LUA_TYPE, type LuaApi, type LuaState } from './lua-api.ts'
import type { MsgpackHead } from './msgpack-heads.ts'
import { type Elements, MalformedError, MsgpackReader } from './msgpack-reader.ts'

/** What a decoder needs of the instance it decodes for. */
export interface DecoderHost {
  readonly api: LuaApi
  /** A view of the whole heap; another one after the heap has grown. */
  readonly heap: Buffer
  pushBytes(state: LuaState, bytes: Uint8Array): void
}

/**
 * The upvalues of the native functions, which are made of the arguments of `core.decoders` in this order: the value that
 * stands for a stored nil and the functions that make the objects (see msgpack.lua).
 */
const UPVALUES = ['nil', 'box', 'bytes', 'geojson', 'list', 'encodedList', 'map'] as const
const UPVALUE_INDEX = Object.fromEntries(UPVALUES.map((name, i) => [name, FIRST_UPVALUE - i])) as Readonly<
  Record<(typeof UPVALUES)[number], number>
>

const TRUE = 0xc3

const TYPE_STRING = 3
const TYPE_GEOJSON = 23

/** Slots of the Lua stack that one level of nesting takes at most. */
const STACK_SLOTS_PER_LEVEL = 10

/**
 * Makes Lua values of the server's dialect of msgpack (see msgpack-reader.ts).
 *
 * Decoding is done here, value by value through the C API of Lua, because the same in Lua takes several times as long.
 * The data is a Lua string at index 1 of the stack of the running function. Any call into the module may grow the heap,
 * so the view of it is never kept across one, and may raise, so nothing is held open.
 */
export class MsgpackDecoder {
  readonly #host: DecoderHost
  readonly #api: LuaApi
  readonly #reader: MsgpackReader
  #state: LuaState = 0
  /** The address of the first byte of the data. */
  #start = 0

  constructor(host: DecoderHost) {
    this.#host = host
    this.#api = host.api
    this.#reader = new MsgpackReader(host)
  }

  /** A native function that makes closures of `functions` over its arguments, see UPVALUES. */
  closures(state: LuaState, functions: readonly number[]): number {
    for (const address of functions) {
      for (let i = 1; i <= UPVALUES.length; i++) this.#api.lua_pushvalue(state, i)
      this.#api.lua_pushcclosure(state, address, UPVALUES.length)
    }
    return functions.length
  }

  /**
   * The native function `decode(data, position)`: the value at a position as lists keep it. The elements of a list stay
   * encoded.
   */
  decode(state: LuaState, lengthAt: number): number {
    this.#start = this.#api.lua_tolstring(state, 1, lengthAt)
    this.#open(state, this.#start + this.#host.heap.readUInt32LE(lengthAt))
    if (this.#attempt(() => this.#value(true))) return 1
    this.#host.pushBytes(state, Buffer.from('malformed msgpack'))
    return this.#api.lua_error(state)
  }

  /**
   * The native function `decode_arguments(data, position, behind)`: the elements of the list from a position to before
   * another, as scripts see them. There are none in anything but a list, or in what is malformed.
   */
  decodeArguments(state: LuaState): number {
    this.#start = this.#api.lua_tolstring(state, 1, 0)
    this.#open(state, this.#addressOf(state, 3))
    const base = this.#api.lua_gettop(state)
    if (this.#attempt(() => this.#arguments())) return this.#api.lua_gettop(state) - base
    this.#api.lua_settop(state, base)
    return 0
  }

  #open(state: LuaState, end: number): void {
    this.#state = state
    this.#reader.open(this.#addressOf(state, 2), end)
  }

  /** The address of the position, from 1, that is at an index of the stack. */
  #addressOf(state: LuaState, index: number): number {
    return this.#start + Number(this.#api.lua_tointegerx(state, index, 0)) - 1
  }

  #attempt(run: () => void): boolean {
    try {
      run()
      return true
    } catch (error) {
      // Whatever else comes along here is a long jump of Lua, or ruins the instance.
      if (error instanceof MalformedError) return false
      throw error
    }
  }

  #arguments(): void {
    const head = this.#reader.head()
    if (head.kind !== 'list') return
    const { size } = this.#reader.elements(this.#reader.size(head))
    for (let i = 0; i < size; i++) {
      this.#reserveSlots()
      const kind = this.#value(false)
      if (kind === 'nil') {
        this.#drop()
        this.#api.lua_pushnil(this.#state)
      } else if (kind === 'object') {
        this.#pushUpvalue('box')
        this.#api.lua_rotate(this.#state, -2, 1)
        this.#call(1)
      }
    }
  }

  /** Pushes the value at hand as lists keep it, and answers what it is. */
  #value(forBin: boolean): 'nil' | 'scalar' | 'object' {
    const byte = this.#reader.next()
    const head = this.#reader.head()
    switch (head.kind) {
      case 'integer':
        this.#api.lua_pushinteger(this.#state, this.#reader.integer(byte, head.bytes))
        return 'scalar'
      case 'boolean':
        this.#api.lua_pushboolean(this.#state, byte === TRUE ? 1 : 0)
        return 'scalar'
      case 'double':
        this.#api.lua_pushnumber(this.#state, this.#reader.double(head.bytes))
        return 'scalar'
      case 'text':
        return this.#text(this.#reader.size(head))
      case 'list':
      case 'map':
        this.#container(head, forBin)
        return 'object'
      default:
        this.#reader.skipBehind(head)
        this.#pushUpvalue('nil')
        return 'nil'
    }
  }

  #container(head: MsgpackHead, forBin: boolean): void {
    this.#reader.enter()
    this.#reserveSlots()
    const elements = this.#reader.elements(this.#reader.size(head), head.kind === 'map')
    if (head.kind === 'map') this.#map(elements, forBin)
    else if (forBin) this.#encodedList(elements)
    else this.#list(elements)
    this.#reader.leave()
  }

  #text(size: number): 'scalar' | 'object' {
    const start = this.#reader.take(size)
    const type = size === 0 ? 0 : this.#reader.byteAt(start)
    const bytes = Math.max(size - 1, 0)
    if (type === TYPE_STRING) {
      this.#pushText(start + 1, this.#reader.cStringBytes(start + 1, bytes))
      return 'scalar'
    }
    if (type === TYPE_GEOJSON) {
      this.#pushUpvalue('geojson')
      this.#pushText(start + 1, this.#reader.cStringBytes(start + 1, bytes))
      this.#call(1)
    } else {
      this.#pushUpvalue('bytes')
      this.#pushText(start + 1, bytes)
      this.#api.lua_pushinteger(this.#state, BigInt(type))
      this.#call(2)
    }
    return 'object'
  }

  #list({ size, flags }: Elements): void {
    this.#pushUpvalue('list')
    this.#api.lua_createtable(this.#state, size, 0)
    for (let i = 1; i <= size; i++) {
      this.#value(false)
      this.#api.lua_rawseti(this.#state, -2, BigInt(i))
    }
    this.#pushSizeAndFlags(size, flags)
    this.#call(3)
  }

  /** The positions of the elements, and that behind the last, stand for them: four bytes each, little-endian. */
  #encodedList({ size, flags }: Elements): void {
    const positions = Buffer.allocUnsafe(4 * (size + 1))
    for (let i = 0; i < size; i++) {
      positions.writeUInt32LE(this.#reader.at - this.#start + 1, 4 * i)
      this.#reader.skip()
    }
    positions.writeUInt32LE(this.#reader.at - this.#start + 1, 4 * size)
    this.#pushUpvalue('encodedList')
    this.#api.lua_pushvalue(this.#state, 1)
    this.#host.pushBytes(this.#state, positions)
    this.#pushSizeAndFlags(size, flags)
    this.#call(4)
  }

  #map({ size, flags }: Elements, forBin: boolean): void {
    this.#pushUpvalue('map')
    this.#api.lua_createtable(this.#state, 0, size)
    let count = 0
    for (let i = 0; i < size; i++) {
      const isKey = this.#key()
      if (isKey && this.#isNew()) count += 1
      this.#value(forBin)
      if (isKey) this.#api.lua_rawset(this.#state, -3)
      else this.#drop()
    }
    this.#pushSizeAndFlags(count, flags)
    this.#call(3)
  }

  /** Pushes what a map is indexed by for the key at hand; answers false, and pushes nothing, for a value that is no key. */
  #key(): boolean {
    const byte = this.#reader.next()
    const head = this.#reader.head()
    if (head.kind === 'integer') {
      this.#api.lua_pushinteger(this.#state, this.#reader.integer(byte, head.bytes))
      return true
    }
    if (head.kind !== 'text') {
      this.#reader.skipBehind(head)
      return false
    }
    const size = this.#reader.size(head)
    const start = this.#reader.take(size)
    const type = size === 0 ? 0 : this.#reader.byteAt(start)
    if (type === TYPE_GEOJSON) return false
    if (type === TYPE_STRING) {
      this.#pushText(start + 1, this.#reader.cStringBytes(start + 1, size - 1))
    } else {
      // The content of a blob behind a zero byte, see map.lua.
      const text = this.#host.heap.subarray(start + 1, start + size)
      this.#host.pushBytes(this.#state, Buffer.concat([Buffer.of(0), text]))
    }
    return true
  }

  /** Whether the table below the key on top of the stack has no such key. */
  #isNew(): boolean {
    this.#api.lua_pushvalue(this.#state, -1)
    const isNew = this.#api.lua_rawget(this.#state, -3) === LUA_TYPE.nil
    this.#drop()
    return isNew
  }

  #reserveSlots(): void {
    if (this.#api.lua_checkstack(this.#state, STACK_SLOTS_PER_LEVEL) !== 0) return
    this.#host.pushBytes(this.#state, Buffer.from('too many results to unpack'))
    this.#api.lua_error(this.#state)
  }

  #pushUpvalue(name: (typeof UPVALUES)[number]): void {
    this.#api.lua_pushvalue(this.#state, UPVALUE_INDEX[name])
  }

  #pushText(start: number, bytes: number): void {
    this.#api.lua_pushlstring(this.#state, start, bytes)
  }

  #pushSizeAndFlags(size: number, flags: number): void {
    this.#api.lua_pushinteger(this.#state, BigInt(size))
    this.#api.lua_pushinteger(this.#state, BigInt(flags))
  }

  #drop(): void {
    this.#api.lua_settop(this.#state, -2)
  }

  /** Puts what a function answers in place of the function and its arguments. */
  #call(args: number): void {
    this.#api.lua_callk(this.#state, args, 1, 0, 0)
  }
}
