import { LOG_LEVELS, type LogSink } from './log.ts'
import { FIRST_UPVALUE, LUA_MULTRET, LUA_STATUS, type LuaApi, type LuaState } from './lua-api.ts'
import { MsgpackDecoder } from './msgpack-decoder.ts'
import { MsgpackEncoder } from './msgpack-encoder.ts'
import type { TimeLimit } from './time-limit.ts'

/** What the native functions need of the instance that has them. */
export interface NativeHost {
  readonly api: LuaApi
  readonly limit: TimeLimit
  readonly log: LogSink
  /** A view of the whole heap; another one after the heap has grown. */
  readonly heap: Buffer
  /** Room for a length on the heap. */
  readonly lengthAt: number
  addFunction(f: (...args: number[]) => number | undefined, signature: string): number
  /** The address of zero-terminated text that stays. */
  textAt(text: string): number
  /** The string at an index of the stack, or undefined when there is none. */
  bytesAt(state: LuaState, index: number): Buffer | undefined
  pushBytes(state: LuaState, bytes: Uint8Array): void
  /** Raises an error of Lua: it does not return. */
  raise(state: LuaState, text: string): void
  /** Pushes the request of the next record; false at the end. */
  pushNextRecord(state: LuaState): boolean
}

/** Addresses of the C functions that the Lua side of the runtime is given, by name (see support.lua). */
export type NativeFunctions = Readonly<Record<string, number>>

/**
 * Puts the native functions into the table of C functions.
 *
 * An error of Lua is a long jump through the frames between it and the protected call. The functions here are among
 * those frames, so none of them may hold anything open across a call into the module, if not in a `finally`.
 */
export function addNativeFunctions(host: NativeHost): NativeFunctions {
  const { api } = host
  const add = (f: (state: LuaState) => number) => host.addFunction((state = 0) => f(state), 'ii')
  const decoder = new MsgpackDecoder(host)
  const decode = add(state => decoder.decode(state, host.lengthAt))
  const decodeArguments = add(state => decoder.decodeArguments(state))
  const encoder = new MsgpackEncoder(host)
  const encodeForBin = add(state => encoder.encode(state, true))
  const encodeResult = add(state => encoder.encode(state, false))
  return {
    ...trampolines(host, add),
    box_as: add(state => boxAs(api, state)),
    decoders: add(state => decoder.closures(state, [decode, decodeArguments])),
    encoders: add(state => encoder.closures(state, [encodeForBin, encodeResult])),
    run: add(state => {
      const status = host.limit.call(state, api.lua_gettop(state) - 1, LUA_MULTRET)
      api.lua_pushboolean(state, status === LUA_STATUS.ok ? 1 : 0)
      api.lua_rotate(state, 1, 1)
      return api.lua_gettop(state)
    }),
    log: add(state => {
      const level = LOG_LEVELS[Number(api.lua_tointegerx(state, 1, 0)) - 1]
      if (level) host.log(level, host.bytesAt(state, 2)?.toString() ?? '')
      return 0
    }),
    next_record: add(state => (host.pushNextRecord(state) ? 1 : 0)),
    now: add(state => {
      api.lua_pushinteger(state, BigInt(Date.now()))
      return 1
    }),
  }
}

type Add = (f: (state: LuaState) => number) => number

/** Make C functions that call a function of Lua: what they are called with is their upvalue. */
function trampolines({ api, limit }: NativeHost, add: Add): { native: number; brief: number } {
  const callUpvalue = (state: LuaState): number => {
    const args = api.lua_gettop(state)
    api.lua_pushvalue(state, FIRST_UPVALUE)
    api.lua_rotate(state, 1, 1)
    api.lua_callk(state, args, LUA_MULTRET, 0, 0)
    return api.lua_gettop(state)
  }
  const closureOf = (trampoline: number) =>
    add(state => {
      api.lua_settop(state, 1)
      api.lua_pushcclosure(state, trampoline, 1)
      return 1
    })
  return {
    native: closureOf(add(callUpvalue)),
    brief: closureOf(add(state => limit.briefly(state, callUpvalue))),
  }
}

/** `box_as(state, metatable)`: a userdata with a metatable, and a state for its user value. */
function boxAs(api: LuaApi, state: LuaState): number {
  api.lua_newuserdatauv(state, 0, 1)
  api.lua_rotate(state, 1, 1)
  api.lua_setmetatable(state, 1)
  api.lua_setiuservalue(state, 1, 1)
  return 1
}
