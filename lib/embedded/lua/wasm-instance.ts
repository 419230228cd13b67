import { LuaFactory, type LuaWasm } from 'wasmoon'
import { LOG_LEVELS, type LogSink } from './log.ts'
import {
  FIRST_UPVALUE,
  LUA_MASKCOUNT,
  LUA_MULTRET,
  LUA_STATUS,
  type LuaApi,
  type LuaState,
} from './lua-api.ts'
import { MsgpackDecoder } from './msgpack-decoder.ts'
import { withRawExports } from './raw-exports.ts'
import type { WasmModule } from './wasm-module.ts'

/** The heap never shrinks: an instance that grew beyond this is given up after the call that did it. */
const HEAP_BYTES_MAX = 256 * 1024 * 1024

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const INSTRUCTIONS_PER_CHECK = 10_000

/** Brief functions between two looks at the clock: whoever calls nothing else is never looked at by the hook. */
const BRIEF_CALLS_PER_CHECK = 64

const SCRATCH_BYTES_MIN = 64 * 1024

/** The text the server gives to a call that ran past its deadline (protocol 7.3). */
export const TIMEOUT_TEXT = 'UDF Execution Timeout'
const OUT_OF_MEMORY_TEXT = 'not enough memory'

/** Writes the request of the next record into the scratch room and answers its length, or undefined at the end. */
export type RecordSource = () => number | undefined

/** Addresses of the C functions that the Lua side of the runtime is given. */
export interface NativeFunctions {
  readonly boxes: number
  readonly native: number
  readonly brief: number
  readonly run: number
  readonly log: number
  readonly now: number
  readonly nextRecord: number
  readonly decoders: number
}

/**
 * One instance of the WASM module: a heap with any number of Lua states in it.
 *
 * An error of Lua is a long jump through the frames between it and the protected call. The callbacks here are among
 * those frames, so none of them may hold anything open across a call into the module.
 */
export class WasmInstance {
  readonly api: LuaApi
  readonly #module: WasmModule
  readonly natives: NativeFunctions
  readonly #factory: LuaFactory
  readonly #wasm: LuaWasm
  readonly #hook: number
  readonly #lengthAt: number
  readonly #log: LogSink
  #scratchAt = 0
  #scratchBytes = 0
  #bytes: Uint8Array
  #buffer: Buffer
  #deadlineMs = Number.POSITIVE_INFINITY
  #broken = false
  #nextRecord: RecordSource | undefined

  static async create(log: LogSink): Promise<WasmInstance> {
    const factory = new LuaFactory()
    const { wasm, api } = await withRawExports(() => factory.getLuaModule())
    return new WasmInstance(factory, wasm, api, log)
  }

  private constructor(factory: LuaFactory, wasm: LuaWasm, api: LuaApi, log: LogSink) {
    // wasmoon types its module as Emscripten's, without the exports of Lua.
    const module = wasm.module as unknown as WasmModule
    this.#module = module
    this.api = api
    this.#factory = factory
    this.#wasm = wasm
    this.#log = log
    this.#lengthAt = api.malloc(8)
    this.#bytes = module.HEAPU8
    this.#buffer = Buffer.from(module.HEAPU8.buffer)
    this.#hook = module.addFunction((state = 0) => this.#checkLimits(state), 'vii')
    this.natives = this.#addNatives()
  }

  /** True when the instance must not be used for another call. */
  get isSpent(): boolean {
    return this.#broken || this.#module.HEAPU8.byteLength > HEAP_BYTES_MAX
  }

  /** Gives the instance up after an error that was not one of Lua: what it left on the heap is unknown. */
  abandon(): void {
    this.#broken = true
  }

  /** Writes a file into the file system of the instance, which is in memory and its own. */
  writeFile(path: string, content: Uint8Array): void {
    this.#factory.mountFileSync(this.#wasm, path, content)
  }

  removeFile(path: string): void {
    this.#module.FS.unlink(path)
  }

  /** A view of the whole heap. It is replaced when the heap grows, so nobody keeps it across a call. */
  get heap(): Buffer {
    const bytes = this.#module.HEAPU8
    if (this.#bytes !== bytes) {
      this.#bytes = bytes
      this.#buffer = Buffer.from(bytes.buffer)
    }
    return this.#buffer
  }

  /** The address of room for `bytes`, to hand text to Lua. The same room every time. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      this.api.free(this.#scratchAt)
      this.#scratchBytes = Math.max(SCRATCH_BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)))
      this.#scratchAt = this.api.malloc(this.#scratchBytes)
      if (this.#scratchAt === 0) {
        this.abandon()
        throw new RangeError(`no room for ${bytes} bytes on the heap of Lua`)
      }
    }
    return this.#scratchAt
  }

  pushBytes(state: LuaState, bytes: Uint8Array): void {
    const at = this.scratch(bytes.byteLength)
    this.heap.set(bytes, at)
    this.api.lua_pushlstring(state, at, bytes.byteLength)
  }

  /** A copy of the string at an index of the stack, or undefined when there is none. */
  bytesAt(state: LuaState, index: number): Buffer | undefined {
    const at = this.api.lua_tolstring(state, index, this.#lengthAt)
    if (at === 0) return undefined
    const heap = this.heap
    return Buffer.from(heap.subarray(at, at + heap.readUInt32LE(this.#lengthAt)))
  }

  /** The address of zero-terminated text that stays. */
  #textAt(text: string): number {
    const bytes = Buffer.from(`${text}\0`)
    const address = this.api.malloc(bytes.length)
    this.heap.set(bytes, address)
    return address
  }

  /** Calls `f` with a name as Lua takes it: the address of zero-terminated text. */
  withName<T>(name: string, f: (address: number) => T): T {
    const text = Buffer.from(`${name}\0`)
    const address = this.api.malloc(text.length)
    this.heap.set(text, address)
    try {
      return f(address)
    } finally {
      this.api.free(address)
    }
  }

  /** A protected call of the function below `args` arguments, stopped after `timeoutMs`. Answers the status. */
  call(state: LuaState, args: number, results: number, timeoutMs: number): number {
    this.#deadlineMs = performance.now() + timeoutMs
    return this.#watchedCall(state, args, results)
  }

  /** The same for a function of ours, which calls those of scripts by the native `run`: only they are watched. */
  callOurs(state: LuaState, args: number, timeoutMs: number, next?: RecordSource): number {
    this.#deadlineMs = performance.now() + timeoutMs
    this.#nextRecord = next
    return this.api.lua_pcallk(state, args, 1, 0, 0, 0)
  }

  /** Ends a state. Finalizers of a script run now, for no longer than `timeoutMs`. */
  close(state: LuaState, timeoutMs: number): void {
    this.#deadlineMs = performance.now() + timeoutMs
    this.#watch(state)
    this.api.lua_close(state)
  }

  /**
   * Has the clock watched in a state; coroutines inherit it. It makes every instruction slower by a half. When the time
   * is up every instruction raises, or a pcall of the script would carry on after the first time.
   */
  #watch(state: LuaState): void {
    const instructions = this.#deadlineMs === 0 ? 1 : INSTRUCTIONS_PER_CHECK
    this.api.lua_sethook(state, this.#hook, LUA_MASKCOUNT, instructions)
  }

  #unwatch(state: LuaState): void {
    this.api.lua_sethook(state, 0, 0, 0)
  }

  #watchedCall(state: LuaState, args: number, results: number): number {
    this.#watch(state)
    const status = this.api.lua_pcallk(state, args, results, 0, 0, 0)
    this.#unwatch(state)
    return status
  }

  #checkLimits(state: LuaState): undefined {
    const outOfMemory = this.#module.HEAPU8.byteLength > HEAP_BYTES_MAX
    if (!outOfMemory && performance.now() < this.#deadlineMs) return
    this.#deadlineMs = 0
    this.#watch(state)
    this.#raise(state, outOfMemory ? OUT_OF_MEMORY_TEXT : TIMEOUT_TEXT)
  }

  #raise(state: LuaState, text: string): void {
    this.pushBytes(state, Buffer.from(text))
    this.api.lua_error(state)
  }

  #addNatives(): NativeFunctions {
    const { api } = this
    const module = this.#module
    const isAt = this.#textAt('is')
    const callUpvalue = (state = 0) => {
      const args = api.lua_gettop(state)
      api.lua_pushvalue(state, FIRST_UPVALUE)
      api.lua_rotate(state, 1, 1)
      api.lua_callk(state, args, LUA_MULTRET, 0, 0)
      return api.lua_gettop(state)
    }
    const trampoline = module.addFunction(callUpvalue, 'ii')
    // The same for a function that does not take long, whatever it is given, and calls no function of a script.
    let briefCalls = 0
    const briefTrampoline = module.addFunction((state = 0) => {
      if (++briefCalls % BRIEF_CALLS_PER_CHECK === 0) this.#checkLimits(state)
      this.#unwatch(state)
      try {
        return callUpvalue(state)
      } finally {
        this.#watch(state)
      }
    }, 'ii')
    // box(state, metatable): without the second, the metatable that the upvalue has for `state.is`.
    const box = module.addFunction((state = 0) => {
      if (api.lua_gettop(state) === 1) {
        api.lua_getfield(state, 1, isAt)
        api.lua_rawget(state, FIRST_UPVALUE)
      }
      api.lua_newuserdatauv(state, 0, 1)
      api.lua_pushvalue(state, 1)
      api.lua_setiuservalue(state, 3, 1)
      api.lua_pushvalue(state, 2)
      api.lua_setmetatable(state, 3)
      return 1
    }, 'ii')
    const decoder = new MsgpackDecoder(this)
    const decode = module.addFunction((state = 0) => decoder.decode(state, this.#lengthAt), 'ii')
    const decodeArguments = module.addFunction(
      (state = 0) => decoder.decodeArguments(state, this.#lengthAt),
      'ii',
    )

    return {
      boxes: module.addFunction((state = 0) => {
        api.lua_pushcclosure(state, box, 1)
        return 1
      }, 'ii'),
      native: module.addFunction((state = 0) => {
        api.lua_settop(state, 1)
        api.lua_pushcclosure(state, trampoline, 1)
        return 1
      }, 'ii'),
      brief: module.addFunction((state = 0) => {
        api.lua_settop(state, 1)
        api.lua_pushcclosure(state, briefTrampoline, 1)
        return 1
      }, 'ii'),
      run: module.addFunction((state = 0) => {
        const status = this.#watchedCall(state, api.lua_gettop(state) - 1, LUA_MULTRET)
        api.lua_pushboolean(state, status === LUA_STATUS.ok ? 1 : 0)
        api.lua_rotate(state, 1, 1)
        return api.lua_gettop(state)
      }, 'ii'),
      log: module.addFunction((state = 0) => {
        const level = LOG_LEVELS[Number(api.lua_tointegerx(state, 1, 0)) - 1]
        if (level) this.#log(level, this.bytesAt(state, 2)?.toString() ?? '')
        return 0
      }, 'ii'),
      nextRecord: module.addFunction((state = 0) => {
        const bytes = this.#nextRecord?.()
        if (bytes === undefined) return 0
        api.lua_pushlstring(state, this.scratch(bytes), bytes)
        return 1
      }, 'ii'),
      decoders: module.addFunction((state = 0) => decoder.closures(state, [decode, decodeArguments]), 'ii'),
      now: module.addFunction((state = 0) => {
        api.lua_pushinteger(state, BigInt(Date.now()))
        return 1
      }, 'ii'),
    }
  }
}
