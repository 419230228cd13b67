import { LUA_MASKCOUNT, type LuaApi, type LuaState } from './lua-api.ts'

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const INSTRUCTIONS_PER_CHECK = 10_000

/** Brief calls between two looks at the clock: of whoever makes nothing but these, the hook never hears. */
const BRIEF_CALLS_PER_CHECK = 64

/** The text the server gives to a call that ran past its deadline (protocol 7.3). */
export const TIMEOUT_TEXT = 'UDF Execution Timeout'
const OUT_OF_MEMORY_TEXT = 'not enough memory'

/** What a time limit needs of the instance whose calls it limits. */
export interface LimitedHost {
  readonly api: LuaApi
  readonly isOutOfMemory: boolean
  addFunction(f: (...args: number[]) => number | undefined, signature: string): number
  /** Raises an error of Lua: it does not return. */
  raise(state: LuaState, text: string): void
}

/**
 * Stops calls that take too long or too much memory: by a hook, which Lua calls every so many instructions. It makes
 * every instruction slower by a half, so it is there only while code of a script runs.
 */
export class TimeLimit {
  readonly #host: LimitedHost
  readonly #hook: number
  #deadlineMs = Number.POSITIVE_INFINITY
  #isOver = false
  #briefCalls = 0

  constructor(host: LimitedHost) {
    this.#host = host
    this.#hook = host.addFunction((state = 0) => this.#check(state), 'vii')
  }

  /** Begins the time of a call. */
  start(timeoutMs: number): void {
    this.#deadlineMs = performance.now() + timeoutMs
    this.#isOver = false
  }

  /** Has the clock looked at in a state; coroutines inherit it. */
  watch(state: LuaState): void {
    // Once it is over every instruction raises, or a pcall of the script would carry on after the first time.
    const instructions = this.#isOver ? 1 : INSTRUCTIONS_PER_CHECK
    this.#host.api.lua_sethook(state, this.#hook, LUA_MASKCOUNT, instructions)
  }

  /** A protected call that is watched. Answers the status. */
  call(state: LuaState, args: number, results: number): number {
    this.watch(state)
    const status = this.#host.api.lua_pcallk(state, args, results, 0, 0, 0)
    this.#unwatch(state)
    return status
  }

  /** Runs a function of ours, which a script called and which does not take long, without the hook. */
  briefly(state: LuaState, run: (state: LuaState) => number): number {
    if (++this.#briefCalls % BRIEF_CALLS_PER_CHECK === 0) this.#check(state)
    this.#unwatch(state)
    try {
      return run(state)
    } finally {
      this.watch(state)
    }
  }

  #unwatch(state: LuaState): void {
    this.#host.api.lua_sethook(state, 0, 0, 0)
  }

  #check(state: LuaState): undefined {
    const { isOutOfMemory } = this.#host
    if (!isOutOfMemory && !this.#isOver && performance.now() < this.#deadlineMs) return
    this.#isOver = true
    this.watch(state)
    this.#host.raise(state, isOutOfMemory ? OUT_OF_MEMORY_TEXT : TIMEOUT_TEXT)
  }
}
