import { createHash } from 'node:crypto'
import { StoreError } from '../../errors/index.ts'
import { readAggregateReply, readReply, requestBytesMax, writeRequest } from './call-encoding.ts'
import type { LogSink } from './log.ts'
import { type PreludeChunk, readPrelude } from './prelude.ts'
import { TIMEOUT_TEXT } from './time-limit.ts'
import type { AggregateOutcome, UdfOutcome, UdfRecord } from './udf-record.ts'
import { type LuaFailure, UdfState } from './udf-state.ts'
import { WasmInstance } from './wasm-instance.ts'

export interface LuaRuntimeOptions {
  /**
   * The folder of modules in the names of chunks, and so in error texts; nothing is read from it or written to it.
   * Default `/opt/aerospike/usr/udf/lua`, as in the server.
   */
  readonly userPath?: string
  /** Receives what functions log and print. It must not call the runtime. Default: nowhere. */
  readonly log?: LogSink
}

export interface RegisteredModule {
  /** With its extension. */
  readonly filename: string
  readonly source: Uint8Array
  /** Of the source, 40 hex digits. */
  readonly sha1: string
}

export type Registration =
  | { readonly ok: true }
  | {
      readonly ok: false
      /** 1-based; 0 when Lua named none, then the server names no file either. */
      readonly line: number
      /** Lua's message without the position in front. */
      readonly message: string
    }

const DEFAULT_USER_PATH = '/opt/aerospike/usr/udf/lua'

/** Time for a call that sends none, and for the top level of a module (protocol 7.2). */
const DEFAULT_TIMEOUT_MS = 1000

const UNKNOWN_MODULE_TEXT = 'UDF: Execution Error 1'

/** What the server says of an error value that is not a string. */
const UNEXPECTED_VALUE_TEXT = 'result value type unexpected'

/** The same when a module is registered. */
const NO_MESSAGE_TEXT = '(Null error message returned by lua)'

/** Result code 18, device overload: the client may try again. */
const RESULT_OVERLOAD = 18

const NO_ARGUMENTS = new Uint8Array(0)

/** Stands where a call has its record and an aggregation has none. */
const NO_RECORD: UdfRecord = {
  exists: false,
  digest: new Uint8Array(0),
  setName: undefined,
  userKey: undefined,
  generation: 0,
  voidTimeSeconds: 0,
  ttlSeconds: 0,
  lastUpdateMs: 0,
  sizeBytes: 0,
  bins: Buffer.alloc(0),
  binCount: 0,
}

/**
 * Registers Lua modules and calls their functions on records, as the server does for `udf-put` and UDF commands
 * (protocol 7). Everything is synchronous: a call blocks the thread until it returns or its time is up.
 *
 * Each module has one Lua state, which lives until any module is registered or removed: what a function leaves in
 * globals is seen by the next call of the module and by nobody else.
 */
export class LuaRuntime {
  readonly #userPath: string
  readonly #log: LogSink
  readonly #prelude: readonly PreludeChunk[]
  readonly #modules = new Map<string, RegisteredModule>()
  readonly #states = new Map<string, UdfState>()
  #instance: WasmInstance | undefined
  /** Takes over at once when a script ruins the instance: making one is asynchronous, a call is not. */
  #spare: WasmInstance | undefined
  #isMakingSpare = false
  #closed = false

  static async create(options: LuaRuntimeOptions = {}): Promise<LuaRuntime> {
    const log: LogSink = options.log ?? (() => {})
    const [prelude, instance, spare] = await Promise.all([
      readPrelude(),
      WasmInstance.create(log),
      WasmInstance.create(log),
    ])
    return new LuaRuntime(options.userPath ?? DEFAULT_USER_PATH, log, prelude, instance, spare)
  }

  private constructor(
    userPath: string,
    log: LogSink,
    prelude: readonly PreludeChunk[],
    instance: WasmInstance,
    spare: WasmInstance,
  ) {
    this.#userPath = userPath
    this.#log = log
    this.#prelude = prelude
    this.#instance = instance
    this.#spare = spare
  }

  /**
   * Compiles a module and runs its top level once; if both work, it replaces the module of that name.
   *
   * @param filename base name with extension; functions are called by the name without `.lua`
   */
  register(filename: string, source: Uint8Array): Registration {
    const instance = this.#usableInstance()
    if (!instance) return { ok: false, line: 0, message: 'no memory for another Lua state' }
    const failure = this.#guard(instance, () => {
      const state = new UdfState(instance, this.#prelude, this.#userPath)
      const outcome = state.runChunk(filename, source, DEFAULT_TIMEOUT_MS)
      state.close()
      return outcome
    })
    if (failure) return { ok: false, ...describeRefusal(failure, filename) }

    const copy = Uint8Array.from(source)
    const sha1 = createHash('sha1').update(copy).digest('hex')
    this.#modules.set(filename, { filename, source: copy, sha1 })
    this.#usableInstance()?.writeFile(this.#pathOf(filename), copy)
    this.#dropStates()
    return { ok: true }
  }

  /** Forgets a module; one that is not there is fine. */
  remove(filename: string): void {
    if (!this.#modules.delete(filename)) return
    this.#usableInstance()?.removeFile(this.#pathOf(filename))
    this.#dropStates()
  }

  files(): Iterable<RegisteredModule> {
    return this.#modules.values()
  }

  /**
   * Calls a function with a record and the elements of a list as arguments, and answers what has to become of the
   * record. Changes nothing itself, and throws only after `close`.
   *
   * @param moduleName without extension
   * @param args a msgpack list; anything else counts as an empty one
   * @param timeoutMs 0 for the default of 1,000 ms
   */
  apply(
    moduleName: string,
    functionName: string,
    record: UdfRecord,
    args: Uint8Array,
    timeoutMs: number,
  ): UdfOutcome {
    if (!this.#modules.has(`${moduleName}.lua`)) return { kind: 'failure', message: UNKNOWN_MODULE_TEXT }
    const instance = this.#usableInstance()
    if (!instance) return { kind: 'refused', resultCode: RESULT_OVERLOAD }

    const reply = this.#guard(instance, () => {
      const state = this.#states.get(moduleName) ?? this.#openState(instance, moduleName)
      if (!(state instanceof UdfState)) return state
      const bytes = putRequest(instance, functionName, record, args)
      return state.call(bytes, timeoutMs || DEFAULT_TIMEOUT_MS)
    })
    if (Buffer.isBuffer(reply)) return readReply(reply)
    return { kind: 'failure', message: reply.message ?? UNEXPECTED_VALUE_TEXT }
  }

  /**
   * Runs the server's part of an aggregation (protocol 7.12): the operations of the stream function up to and including
   * the first `reduce`, over all records. What the function does to a record is not committed.
   *
   * @param records must not call the runtime; an error it throws becomes a failure and costs the Lua states
   */
  aggregate(
    moduleName: string,
    functionName: string,
    records: Iterable<UdfRecord>,
    args: Uint8Array,
    timeoutMs: number,
  ): AggregateOutcome {
    if (!this.#modules.has(`${moduleName}.lua`)) return { kind: 'failure', message: UNKNOWN_MODULE_TEXT }
    const instance = this.#usableInstance()
    if (!instance) return { kind: 'failure', message: UNKNOWN_MODULE_TEXT }

    const iterator = records[Symbol.iterator]()
    const next = () => {
      const { done, value } = iterator.next()
      return done ? undefined : putRequest(instance, '', value, NO_ARGUMENTS)
    }
    const reply = this.#guard(instance, () => {
      const state = this.#states.get(moduleName) ?? this.#openState(instance, moduleName)
      if (!(state instanceof UdfState)) return state
      const bytes = putRequest(instance, functionName, NO_RECORD, args)
      return state.aggregate(bytes, timeoutMs || DEFAULT_TIMEOUT_MS, next)
    })
    const outcome = Buffer.isBuffer(reply)
      ? readAggregateReply(reply)
      : ({ kind: 'failure', message: reply.message ?? UNEXPECTED_VALUE_TEXT } as const)
    if (outcome.kind === 'success') return outcome
    return { kind: 'failure', message: `UDF: Execution Error 2 : ${outcome.message}` }
  }

  /** Ends all states. Registering and calling throw from here on. */
  close(): void {
    this.#dropStates()
    this.#closed = true
    this.#instance = undefined
    this.#spare = undefined
  }

  #pathOf(filename: string): string {
    return `${this.#userPath}/${filename}`
  }

  #openState(instance: WasmInstance, moduleName: string): UdfState | LuaFailure {
    const state = new UdfState(instance, this.#prelude, this.#userPath)
    const failure = state.loadModule(moduleName, DEFAULT_TIMEOUT_MS)
    if (failure) {
      state.close()
      this.#log('warn', `UDF module ${moduleName}: ${failure.message ?? NO_MESSAGE_TEXT}`)
      return { ...failure, message: failure.message === TIMEOUT_TEXT ? TIMEOUT_TEXT : UNKNOWN_MODULE_TEXT }
    }
    this.#states.set(moduleName, state)
    return state
  }

  /** Runs what may ruin the instance. An error that is not one of Lua gives it up and becomes a failure. */
  #guard<T>(instance: WasmInstance, run: () => T): T | LuaFailure {
    try {
      return run()
    } catch (error) {
      instance.abandon()
      return { status: -1, message: `UDF: Execution Error: ${String(error)}` }
    }
  }

  /** The instance to use now: after the current one is spent the spare one, or undefined until another is made. */
  #usableInstance(): WasmInstance | undefined {
    if (this.#closed) throw new StoreError('SERVICE_UNAVAILABLE', 'the Lua runtime is closed')
    if (this.#instance && !this.#instance.isSpent) return this.#instance
    this.#states.clear()
    this.#instance = this.#spare
    this.#spare = undefined
    for (const { filename, source } of this.#modules.values())
      this.#instance?.writeFile(this.#pathOf(filename), source)
    void this.#makeSpare()
    return this.#instance
  }

  async #makeSpare(): Promise<void> {
    if (this.#isMakingSpare) return
    this.#isMakingSpare = true
    try {
      this.#spare = await WasmInstance.create(this.#log)
    } catch (error) {
      this.#log('warn', `cannot make another Lua instance: ${String(error)}`)
    } finally {
      this.#isMakingSpare = false
    }
  }

  #dropStates(): void {
    for (const state of this.#states.values()) state.close()
    this.#states.clear()
  }
}

/** Writes a request into the scratch room and answers its length. */
function putRequest(
  instance: WasmInstance,
  functionName: string,
  record: UdfRecord,
  args: Uint8Array,
): number {
  const start = instance.scratch(requestBytesMax(functionName, record, args))
  return writeRequest(instance.heap, start, functionName, record, args)
}

/** Splits `chunk:line: message`, as Lua words what it blames on a line of the chunk. */
function describeRefusal(failure: LuaFailure, chunkName: string): { line: number; message: string } {
  const text = failure.message ?? NO_MESSAGE_TEXT
  const match = text.startsWith(`${chunkName}:`)
    ? /^(\d+): (.*)$/s.exec(text.slice(chunkName.length + 1))
    : null
  return match ? { line: Number(match[1]), message: match[2] ?? '' } : { line: 0, message: text }
}
