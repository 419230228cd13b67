import { readFile } from 'node:fs/promises'

/** A Lua source that belongs to the runtime. */
export interface PreludeChunk {
  readonly name: string
  readonly source: Uint8Array
}

/** In the order in which they build on each other. */
const FILES = [
  'support',
  'bytes',
  'geojson',
  'iterator',
  'list',
  'map',
  'display',
  'msgpack',
  'particle',
  'record_layout',
  'record',
  'aerospike',
  'stream',
  'call',
  'environment',
] as const

/** Reads what makes a plain Lua state the environment of a UDF (lua/embedded/*.lua). */
export async function readPrelude(): Promise<readonly PreludeChunk[]> {
  return Promise.all(
    FILES.map(async name => {
      const source = await readFile(new URL(`../../../lua/embedded/${name}.lua`, import.meta.url))
      // The server's own Lua appears under such names in error texts.
      return { name: `=[string "${name}.lua"]`, source }
    }),
  )
}
