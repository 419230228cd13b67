/** What of wasmoon's module is used besides the exports of Lua. */
export interface WasmModule {
  /** The whole heap: another array after it has grown. */
  readonly HEAPU8: Uint8Array
  readonly FS: {
    unlink(path: string): void
  }
  /** Puts a function into the table of C functions; `signature` is `i` or `v` for each of the result and parameters. */
  addFunction(f: (...args: number[]) => number | undefined, signature: string): number
}
