import { LUA_STATUS, LUA_TYPE, type LuaState } from './lua-api.ts'
import type { PreludeChunk } from './prelude.ts'
import { TIMEOUT_TEXT } from './time-limit.ts'
import type { RecordSource, WasmInstance } from './wasm-instance.ts'

/** Functions of the Lua side, kept on the stack for as long as the state lives: index 1 is the first. */
const KEPT_FUNCTIONS = ['call', 'aggregate', 'load'] as const
const CALL_INDEX = 1
const AGGREGATE_INDEX = 2
const LOAD_INDEX = 3
const KEPT = KEPT_FUNCTIONS.length

const PRELUDE_TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 100

/** An error of Lua: the text of its error value, or undefined when that was no string. */
export interface LuaFailure {
  readonly status: number
  readonly message: string | undefined
}

/** One Lua state with the environment of a UDF in it. */
export class UdfState {
  readonly instance: WasmInstance
  readonly #state: LuaState

  /** Opens the standard libraries and runs the prelude. Throws when the prelude fails, which is an error of this package. */
  constructor(instance: WasmInstance, prelude: readonly PreludeChunk[], userPath: string) {
    this.instance = instance
    const { api, natives } = instance
    const state = api.luaL_newstate()
    if (state === 0) {
      instance.abandon()
      throw new RangeError('no memory for a Lua state')
    }
    this.#state = state
    api.luaL_openlibs(state)
    api.lua_createtable(state, 0, 0)
    for (const [name, address] of Object.entries(natives)) this.#setFunction(name, address)
    this.#setText('user_path', userPath)
    this.#setText('timeout_text', TIMEOUT_TEXT)
    for (const chunk of prelude) this.#runPrelude(chunk)
    for (const name of KEPT_FUNCTIONS) instance.withName(name, text => api.lua_getfield(state, 1, text))
    api.lua_rotate(state, 1, -1)
    api.lua_settop(state, KEPT)
  }

  /**
   * Runs a chunk as the server does when a module is registered.
   *
   * @param name of the chunk: stands in front of the line in error texts
   */
  runChunk(name: string, source: Uint8Array, timeoutMs: number): LuaFailure | undefined {
    const { instance } = this
    const status = this.#load(`@${name}`, source)
    return this.#settle(status === LUA_STATUS.ok ? instance.call(this.#state, 0, 0, timeoutMs) : status)
  }

  /** Loads a registered module into the globals, from its file in the memory of the instance. */
  loadModule(moduleName: string, timeoutMs: number): LuaFailure | undefined {
    this.instance.api.lua_pushvalue(this.#state, LOAD_INDEX)
    this.instance.pushBytes(this.#state, Buffer.from(moduleName))
    return this.#settle(this.instance.call(this.#state, 1, 0, timeoutMs))
  }

  /**
   * Hands a request of `bytes` bytes that lies in the scratch room to the Lua side and answers its reply (see
   * call-encoding.ts).
   */
  call(bytes: number, timeoutMs: number): Buffer | LuaFailure {
    this.#push(CALL_INDEX, bytes)
    return this.#reply(this.instance.callOurs(this.#state, 1, timeoutMs))
  }

  /** The same for an aggregation, which takes its records from `next`. */
  aggregate(bytes: number, timeoutMs: number, next: RecordSource): Buffer | LuaFailure {
    this.#push(AGGREGATE_INDEX, bytes)
    return this.#reply(this.instance.callOurs(this.#state, 1, timeoutMs, next))
  }

  #push(functionIndex: number, bytes: number): void {
    const { api } = this.instance
    api.lua_pushvalue(this.#state, functionIndex)
    api.lua_pushlstring(this.#state, this.instance.scratch(bytes), bytes)
  }

  #reply(status: number): Buffer | LuaFailure {
    if (status !== LUA_STATUS.ok) return this.#settle(status) ?? { status, message: undefined }
    const reply = this.instance.bytesAt(this.#state, -1)
    this.instance.api.lua_settop(this.#state, KEPT)
    return reply ?? { status: LUA_STATUS.runtimeError, message: undefined }
  }

  close(): void {
    if (!this.instance.isSpent) this.instance.close(this.#state, CLOSE_TIMEOUT_MS)
  }

  #setFunction(name: string, address: number): void {
    const { api } = this.instance
    api.lua_pushcclosure(this.#state, address, 0)
    this.instance.withName(name, text => api.lua_setfield(this.#state, 1, text))
  }

  #setText(name: string, value: string): void {
    this.instance.pushBytes(this.#state, Buffer.from(value))
    this.instance.withName(name, text => this.instance.api.lua_setfield(this.#state, 1, text))
  }

  #load(chunkName: string, source: Uint8Array): number {
    const { instance } = this
    const at = instance.scratch(source.byteLength)
    instance.heap.set(source, at)
    return instance.withName(chunkName, name =>
      instance.api.luaL_loadbufferx(this.#state, at, source.byteLength, name, 0),
    )
  }

  #runPrelude(chunk: PreludeChunk): void {
    const { api } = this.instance
    let status = this.#load(chunk.name, chunk.source)
    if (status === LUA_STATUS.ok) {
      api.lua_pushvalue(this.#state, 1)
      status = this.instance.call(this.#state, 1, 0, PRELUDE_TIMEOUT_MS)
    }
    if (status === LUA_STATUS.ok) return
    throw new Error(`lua/embedded failed: ${this.instance.bytesAt(this.#state, -1)?.toString()}`)
  }

  /** Takes the error value of a status off the stack. */
  #settle(status: number): LuaFailure | undefined {
    if (status === LUA_STATUS.ok) return undefined
    const { api } = this.instance
    const isString = api.lua_type(this.#state, -1) === LUA_TYPE.string
    const message = isString ? this.instance.bytesAt(this.#state, -1)?.toString() : undefined
    api.lua_settop(this.#state, KEPT)
    return { status, message }
  }
}
