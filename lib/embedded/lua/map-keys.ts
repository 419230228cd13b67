import { LUA_TYPE, type LuaApi, type LuaState } from './lua-api.ts'

/** What is needed of the instance whose maps are encoded. */
export interface KeyHost {
  readonly api: LuaApi
  /** A view of the string at an index of the stack, until the heap grows. */
  readonly stringAt: (index: number) => Buffer
}

/** A key of a map, and where it is on the stack. */
export interface MapKey {
  readonly index: number
  readonly integer: bigint | undefined
  /** Of a string, or of a blob behind a zero byte (see map.lua). */
  readonly text: Buffer | undefined
}

/** Pushes the keys of the table at an index, the top of the stack, and answers them in the order of the server. */
export function pushSortedKeys(host: KeyHost, state: LuaState, table: number): MapKey[] {
  const { api } = host
  const keys: MapKey[] = []
  api.lua_pushnil(state)
  while (api.lua_next(state, table) !== 0) {
    const index = table + 1 + keys.length
    keys.push(keyAt(host, state, index))
    // The key stays, and a copy of it goes on.
    api.lua_settop(state, -2)
    api.lua_pushvalue(state, index)
  }
  return keys.length > 1 ? keys.sort(compareKeys) : keys
}

function keyAt(host: KeyHost, state: LuaState, index: number): MapKey {
  if (host.api.lua_type(state, index) === LUA_TYPE.number) {
    return { index, integer: host.api.lua_tointegerx(state, index, 0), text: undefined }
  }
  // A copy: the heap may become another one before it is looked at.
  return { index, integer: undefined, text: Buffer.from(host.stringAt(index)) }
}

/** Integers, strings, blobs. */
function compareKeys(a: MapKey, b: MapKey): number {
  if (a.integer !== undefined && b.integer !== undefined) return a.integer < b.integer ? -1 : 1
  if (a.text === undefined || b.text === undefined) return a.text === undefined ? -1 : 1
  const isBlob = a.text[0] === 0
  if (isBlob !== (b.text[0] === 0)) return isBlob ? 1 : -1
  return Buffer.compare(a.text, b.text)
}
