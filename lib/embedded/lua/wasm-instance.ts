import { LuaFactory, type LuaWasm } from 'wasmoon'
import type { LogSink } from './log.ts'
import type { LuaApi, LuaState } from './lua-api.ts'
import { addNativeFunctions, type NativeFunctions } from './native-functions.ts'
import { withRawExports } from './raw-exports.ts'
import { TimeLimit } from './time-limit.ts'
import type { WasmModule } from './wasm-module.ts'

/** The heap never shrinks: an instance that grew beyond this is given up after the call that did it. */
const HEAP_BYTES_MAX = 256 * 1024 * 1024

const SCRATCH_BYTES_MIN = 64 * 1024

/** Writes the request of the next record into the scratch room and answers its length, or undefined at the end. */
export type RecordSource = () => number | undefined

/** One instance of the WASM module: a heap with any number of Lua states in it. */
export class WasmInstance {
  readonly api: LuaApi
  readonly log: LogSink
  readonly limit: TimeLimit
  readonly natives: NativeFunctions
  /** Room for a length on the heap. */
  readonly lengthAt: number
  readonly #factory: LuaFactory
  readonly #wasm: LuaWasm
  readonly #module: WasmModule
  #scratchAt = 0
  #scratchBytes = 0
  #bytes: Uint8Array
  #buffer: Buffer
  #broken = false
  #nextRecord: RecordSource | undefined

  static async create(log: LogSink): Promise<WasmInstance> {
    const factory = new LuaFactory()
    const { wasm, api } = await withRawExports(() => factory.getLuaModule())
    return new WasmInstance(factory, wasm, api, log)
  }

  private constructor(factory: LuaFactory, wasm: LuaWasm, api: LuaApi, log: LogSink) {
    const module: WasmModule = wasm.module
    this.api = api
    this.log = log
    this.#factory = factory
    this.#wasm = wasm
    this.#module = module
    this.#bytes = module.HEAPU8
    this.#buffer = Buffer.from(module.HEAPU8.buffer)
    this.lengthAt = api.malloc(8)
    this.limit = new TimeLimit(this)
    this.natives = addNativeFunctions(this)
  }

  /** True when the instance must not be used for another call. */
  get isSpent(): boolean {
    return this.#broken || this.isOutOfMemory
  }

  get isOutOfMemory(): boolean {
    return this.#module.HEAPU8.byteLength > HEAP_BYTES_MAX
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
    const at = this.api.lua_tolstring(state, index, this.lengthAt)
    if (at === 0) return undefined
    const heap = this.heap
    return Buffer.from(heap.subarray(at, at + heap.readUInt32LE(this.lengthAt)))
  }

  /** The address of zero-terminated text that stays. */
  textAt(text: string): number {
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
    this.limit.start(timeoutMs)
    return this.limit.call(state, args, results)
  }

  /** The same for a function of ours, which calls those of scripts by the native `run`: only they are watched. */
  callOurs(state: LuaState, args: number, timeoutMs: number, next?: RecordSource): number {
    this.limit.start(timeoutMs)
    this.#nextRecord = next
    return this.api.lua_pcallk(state, args, 1, 0, 0, 0)
  }

  /** Pushes the request of the next record of an aggregation; false at the end. */
  pushNextRecord(state: LuaState): boolean {
    const bytes = this.#nextRecord?.()
    if (bytes === undefined) return false
    this.api.lua_pushlstring(state, this.scratch(bytes), bytes)
    return true
  }

  /** Ends a state. Finalizers of a script run now, for no longer than `timeoutMs`. */
  close(state: LuaState, timeoutMs: number): void {
    this.limit.start(timeoutMs)
    this.limit.watch(state)
    this.api.lua_close(state)
  }

  /** Puts a function into the table of C functions; `signature` is `i` or `v` for each of the result and parameters. */
  addFunction(f: (...args: number[]) => number | undefined, signature: string): number {
    return this.#module.addFunction(f, signature)
  }

  /** Raises an error of Lua: it does not return. */
  raise(state: LuaState, text: string): void {
    this.pushBytes(state, Buffer.from(text))
    this.api.lua_error(state)
  }
}
