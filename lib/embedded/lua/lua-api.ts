/** Address of a `lua_State` in the memory of the WASM module. */
export type LuaState = number

/**
 * The exports of the WASM module that this folder uses: the C API of Lua. Text goes in and out by address and length,
 * and integers are bigints.
 */
export interface LuaApi {
  malloc(bytes: number): number
  free(address: number): void
  luaL_newstate(): LuaState
  luaL_openlibs(state: LuaState): void
  luaL_loadbufferx(state: LuaState, code: number, bytes: number, name: number, mode: number): number
  lua_close(state: LuaState): void
  lua_createtable(state: LuaState, array: number, fields: number): void
  lua_error(state: LuaState): number
  lua_gettop(state: LuaState): number
  lua_settop(state: LuaState, index: number): void
  lua_pushvalue(state: LuaState, index: number): void
  lua_rotate(state: LuaState, index: number, count: number): void
  lua_pushlstring(state: LuaState, text: number, bytes: number): number
  lua_pushnil(state: LuaState): void
  lua_pushboolean(state: LuaState, value: number): void
  lua_pushnumber(state: LuaState, value: number): void
  lua_pushinteger(state: LuaState, value: bigint): void
  lua_pushcclosure(state: LuaState, f: number, upvalues: number): void
  lua_getfield(state: LuaState, index: number, name: number): number
  lua_setiuservalue(state: LuaState, index: number, userValue: number): number
  lua_setmetatable(state: LuaState, index: number): number
  lua_setfield(state: LuaState, index: number, name: number): void
  lua_rawgeti(state: LuaState, index: number, i: bigint): number
  lua_rawget(state: LuaState, index: number): number
  lua_rawset(state: LuaState, index: number): void
  lua_rawseti(state: LuaState, index: number, i: bigint): void
  lua_checkstack(state: LuaState, slots: number): number
  lua_type(state: LuaState, index: number): number
  lua_tolstring(state: LuaState, index: number, bytesAt: number): number
  lua_isinteger(state: LuaState, index: number): number
  lua_next(state: LuaState, index: number): number
  lua_toboolean(state: LuaState, index: number): number
  lua_tonumberx(state: LuaState, index: number, isNumberAt: number): number
  lua_tointegerx(state: LuaState, index: number, isIntegerAt: number): bigint
  lua_newuserdatauv(state: LuaState, bytes: number, userValues: number): number
  lua_callk(state: LuaState, args: number, results: number, context: number, continuation: number): void
  lua_pcallk(
    state: LuaState,
    args: number,
    results: number,
    handler: number,
    context: number,
    continuation: number,
  ): number
  lua_sethook(state: LuaState, hook: number, mask: number, count: number): void
}
/** Results of loading and calling (`lua.h`). */
export const LUA_STATUS = { ok: 0, yield: 1, runtimeError: 2, syntaxError: 3, outOfMemory: 4 } as const

/** Types of values (`lua.h`), as far as they matter here. */
export const LUA_TYPE = { nil: 0, boolean: 1, number: 3, string: 4 } as const

/** `lua_call` with any number of results. */
export const LUA_MULTRET = -1

/** Calls a hook after every so many instructions of the virtual machine. */
export const LUA_MASKCOUNT = 8

/** Pseudo-index of the first value a C closure carries: `lua_upvalueindex(1)`, with LUAI_MAXSTACK 1,000,000. */
export const FIRST_UPVALUE = -1_000_000 - 1000 - 1
