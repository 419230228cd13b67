/** Address of a `lua_State` in the memory of the WASM module. */
export type LuaState = number

/**
 * The raw exports of wasmoon's WASM module that this folder uses. The functions of wasmoon around them convert strings
 * through UTF-8 and cut them at zero bytes, so text goes in and out by address and length here.
 */
export interface WasmModule {
  readonly HEAPU8: Uint8Array
  readonly FS: {
    unlink(path: string): void
  }
  /** Puts a function into the table of C functions; `signature` is `i` or `v` for each of the result and parameters. */
  addFunction(f: (...args: number[]) => number | undefined, signature: string): number
  _malloc(bytes: number): number
  _free(address: number): void
  _luaL_newstate(): LuaState
  _luaL_openlibs(state: LuaState): void
  _luaL_loadbufferx(state: LuaState, code: number, bytes: number, name: number, mode: number): number
  _lua_close(state: LuaState): void
  _lua_createtable(state: LuaState, array: number, fields: number): void
  _lua_error(state: LuaState): number
  _lua_gettop(state: LuaState): number
  _lua_settop(state: LuaState, index: number): void
  _lua_pushvalue(state: LuaState, index: number): void
  _lua_rotate(state: LuaState, index: number, count: number): void
  _lua_pushlstring(state: LuaState, text: number, bytes: number): number
  _lua_pushnil(state: LuaState): void
  _lua_pushboolean(state: LuaState, value: number): void
  _lua_pushnumber(state: LuaState, value: number): void
  _lua_pushinteger(state: LuaState, value: bigint): void
  _lua_pushcclosure(state: LuaState, f: number, upvalues: number): void
  _lua_getfield(state: LuaState, index: number, name: number): number
  _lua_setfield(state: LuaState, index: number, name: number): void
  _lua_rawget(state: LuaState, index: number): number
  _lua_rawset(state: LuaState, index: number): void
  _lua_rawseti(state: LuaState, index: number, i: bigint): void
  _lua_checkstack(state: LuaState, slots: number): number
  _lua_type(state: LuaState, index: number): number
  _lua_tolstring(state: LuaState, index: number, bytesAt: number): number
  _lua_tointegerx(state: LuaState, index: number, isIntegerAt: number): bigint
  _lua_newuserdatauv(state: LuaState, bytes: number, userValues: number): number
  _lua_callk(state: LuaState, args: number, results: number, context: number, continuation: number): void
  _lua_pcallk(
    state: LuaState,
    args: number,
    results: number,
    handler: number,
    context: number,
    continuation: number,
  ): number
  _lua_sethook(state: LuaState, hook: number, mask: number, count: number): void
}

/** Results of loading and calling (`lua.h`). */
export const LUA_STATUS = { ok: 0, yield: 1, runtimeError: 2, syntaxError: 3, outOfMemory: 4 } as const

/** Types of values (`lua.h`), as far as they matter here. */
export const LUA_TYPE = { nil: 0, string: 4 } as const

/** `lua_call` with any number of results. */
export const LUA_MULTRET = -1

/** Calls a hook after every so many instructions of the virtual machine. */
export const LUA_MASKCOUNT = 8

/** Pseudo-index of the first value a C closure carries: `lua_upvalueindex(1)`, with LUAI_MAXSTACK 1,000,000. */
export const FIRST_UPVALUE = -1_000_000 - 1000 - 1
