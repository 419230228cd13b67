import type { LuaWasm } from 'wasmoon'
import type { LuaApi } from './lua-api.ts'

/**
 * Makes an instance with `load`, and answers it with the exports of its WASM instance.
 *
 * The glue that wasmoon ships is a debugging build of Emscripten: it wraps every export in a function that checks and
 * formats before it calls, at eight times the cost of the call, and keeps the exports themselves to itself. A call of a
 * Lua function crosses that border some hundred times. So the exports are taken where they come into being: while an
 * instance is made, `WebAssembly.instantiate` is one that remembers what it answers.
 */
export async function withRawExports(
  load: () => Promise<LuaWasm>,
): Promise<{ readonly wasm: LuaWasm; readonly api: LuaApi }> {
  observe()
  try {
    const wasm = await load()
    const api = made.find(({ memory }) => memory.buffer === wasm.module.HEAPU8.buffer)
    if (api === undefined) throw new Error('wasmoon makes its WASM instance in a way that is not known here')
    return { wasm, api }
  } finally {
    forget()
  }
}

type RawExports = LuaApi & { readonly memory: { readonly buffer: ArrayBuffer } }

/** What the types of Node leave out. */
interface WasmHost {
  instantiate(...args: unknown[]): Promise<{ readonly instance?: { readonly exports: object } }>
}
const host = (globalThis as unknown as { readonly WebAssembly: WasmHost }).WebAssembly

/** The instances of Lua that were made since somebody began to observe. */
let made: RawExports[] = []
let observers = 0
let { instantiate } = host

function observe(): void {
  if (observers++ > 0) return
  instantiate = host.instantiate
  host.instantiate = observed
}

function forget(): void {
  if (--observers > 0) return
  host.instantiate = instantiate
  made = []
}

const observed: WasmHost['instantiate'] = async (...args) => {
  const result = await instantiate(...args)
  const exports = result.instance?.exports
  if (exports !== undefined && 'lua_newstate' in exports) made.push(exports as unknown as RawExports)
  return result
}
