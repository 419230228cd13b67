import { LuaFactory, type LuaWasm } from 'wasmoon'
import { LOG_LEVELS, type LogSink } from './log.ts'
import { MsgpackDecoder } from './msgpack-decoder.ts'
import { FIRST_UPVALUE, LUA_MASKCOUNT, LUA_MULTRET, type LuaState, type WasmModule } from './wasm-module.ts'

/** The heap never shrinks: an instance that grew beyond this is given up after the call that did it. */
const HEAP_BYTES_MAX = 256 * 1024 * 1024

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const INSTRUCTIONS_PER_CHECK = 10_000

const SCRATCH_BYTES_MIN = 64 * 1024

/** The text the server gives to a call that ran past its deadline (protocol 7.3). */
export const TIMEOUT_TEXT = 'UDF Execution Timeout'
const OUT_OF_MEMORY_TEXT = 'not enough memory'

/** Writes the request of the next record into the scratch room and answers its length, or undefined at the end. */
export type RecordSource = () => number | undefined

/** Addresses of the C functions that the Lua side of the runtime is given. */
export interface NativeFunctions {
  readonly newUserdata: number
  readonly native: number
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
  readonly module: WasmModule
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
    return new WasmInstance(factory, await factory.getLuaModule(), log)
  }

  private constructor(factory: LuaFactory, wasm: LuaWasm, log: LogSink) {
    // wasmoon types its module as Emscripten's, without the exports of Lua.
    const module = wasm.module as unknown as WasmModule
    this.module = module
    this.#factory = factory
    this.#wasm = wasm
    this.#log = log
    this.#lengthAt = module._malloc(8)
    this.#bytes = module.HEAPU8
    this.#buffer = Buffer.from(module.HEAPU8.buffer)
    this.#hook = module.addFunction((state = 0) => this.#checkLimits(state), 'vii')
    this.natives = this.#addNatives()
  }

  /** True when the instance must not be used for another call. */
  get isSpent(): boolean {
    return this.#broken || this.module.HEAPU8.byteLength > HEAP_BYTES_MAX
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
    this.module.FS.unlink(path)
  }

  /** A view of the whole heap. It is replaced when the heap grows, so nobody keeps it across a call. */
  get heap(): Buffer {
    const bytes = this.module.HEAPU8
    if (this.#bytes !== bytes) {
      this.#bytes = bytes
      this.#buffer = Buffer.from(bytes.buffer)
    }
    return this.#buffer
  }

  /** The address of room for `bytes`, to hand text to Lua. The same room every time. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      this.module._free(this.#scratchAt)
      this.#scratchBytes = Math.max(SCRATCH_BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes)))
      this.#scratchAt = this.module._malloc(this.#scratchBytes)
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
    this.module._lua_pushlstring(state, at, bytes.byteLength)
  }

  /** A copy of the string at an index of the stack, or undefined when there is none. */
  bytesAt(state: LuaState, index: number): Buffer | undefined {
    const at = this.module._lua_tolstring(state, index, this.#lengthAt)
    if (at === 0) return undefined
    const heap = this.heap
    return Buffer.from(heap.subarray(at, at + heap.readUInt32LE(this.#lengthAt)))
  }

  /** Calls `f` with a name as Lua takes it: the address of zero-terminated text. */
  withName<T>(name: string, f: (address: number) => T): T {
    const text = Buffer.from(`${name}\0`)
    const address = this.module._malloc(text.length)
    this.heap.set(text, address)
    try {
      return f(address)
    } finally {
      this.module._free(address)
    }
  }

  /** Has the clock watched in a state; coroutines inherit it. */
  watch(state: LuaState): void {
    this.module._lua_sethook(state, this.#hook, LUA_MASKCOUNT, INSTRUCTIONS_PER_CHECK)
  }

  /** A protected call of the function below `args` arguments, stopped after `timeoutMs`. Answers the status. */
  call(state: LuaState, args: number, results: number, timeoutMs: number): number {
    this.#deadlineMs = performance.now() + timeoutMs
    const status = this.module._lua_pcallk(state, args, results, 0, 0, 0)
    if (this.#deadlineMs === 0) this.watch(state)
    return status
  }

  /** The same for a call that asks for records while it runs. */
  callWithRecords(state: LuaState, args: number, timeoutMs: number, next: RecordSource): number {
    this.#nextRecord = next
    try {
      return this.call(state, args, 1, timeoutMs)
    } finally {
      this.#nextRecord = undefined
    }
  }

  /** Ends a state. Finalizers of a script run now, for no longer than `timeoutMs`. */
  close(state: LuaState, timeoutMs: number): void {
    this.#deadlineMs = performance.now() + timeoutMs
    this.module._lua_close(state)
  }

  #checkLimits(state: LuaState): undefined {
    const outOfMemory = this.module.HEAPU8.byteLength > HEAP_BYTES_MAX
    if (!outOfMemory && performance.now() < this.#deadlineMs) return
    // From here on every instruction raises, or a pcall of the script would carry on after the first time.
    this.#deadlineMs = 0
    this.module._lua_sethook(state, this.#hook, LUA_MASKCOUNT, 1)
    this.#raise(state, outOfMemory ? OUT_OF_MEMORY_TEXT : TIMEOUT_TEXT)
  }

  #raise(state: LuaState, text: string): void {
    this.pushBytes(state, Buffer.from(text))
    this.module._lua_error(state)
  }

  #addNatives(): NativeFunctions {
    const { module } = this
    const trampoline = module.addFunction((state = 0) => {
      const args = module._lua_gettop(state)
      module._lua_pushvalue(state, FIRST_UPVALUE)
      module._lua_rotate(state, 1, 1)
      module._lua_callk(state, args, LUA_MULTRET, 0, 0)
      return module._lua_gettop(state)
    }, 'ii')
    const decoder = new MsgpackDecoder(this)
    const decode = module.addFunction((state = 0) => decoder.decode(state, this.#lengthAt), 'ii')
    const decodeArguments = module.addFunction(
      (state = 0) => decoder.decodeArguments(state, this.#lengthAt),
      'ii',
    )

    return {
      newUserdata: module.addFunction((state = 0) => {
        module._lua_newuserdatauv(state, 0, 1)
        return 1
      }, 'ii'),
      native: module.addFunction((state = 0) => {
        module._lua_settop(state, 1)
        module._lua_pushcclosure(state, trampoline, 1)
        return 1
      }, 'ii'),
      log: module.addFunction((state = 0) => {
        const level = LOG_LEVELS[Number(module._lua_tointegerx(state, 1, 0)) - 1]
        if (level) this.#log(level, this.bytesAt(state, 2)?.toString() ?? '')
        return 0
      }, 'ii'),
      nextRecord: module.addFunction((state = 0) => {
        const bytes = this.#nextRecord?.()
        if (bytes === undefined) return 0
        module._lua_pushlstring(state, this.scratch(bytes), bytes)
        return 1
      }, 'ii'),
      decoders: module.addFunction((state = 0) => decoder.closures(state, [decode, decodeArguments]), 'ii'),
      now: module.addFunction((state = 0) => {
        module._lua_pushinteger(state, BigInt(Date.now()))
        return 1
      }, 'ii'),
    }
  }
}
