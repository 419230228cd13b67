import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from '../errors/index.ts'
import type { ExternalStore } from './external-store.ts'
import { FileStore } from './file-store.ts'
import { MemoryStore } from './memory-store.ts'

export type { BlobType, ExternalStore } from './external-store.ts'
export { FileStore } from './file-store.ts'
export { MemoryStore } from './memory-store.ts'

/** Opens the store that a URL names: `file:///absolute/folder` or `memory:`. */
export async function openExternalStore(url: string): Promise<ExternalStore> {
  if (url === 'memory:') return new MemoryStore()
  if (url.startsWith('file:///')) return FileStore.open(fileURLToPath(url))
  throw new InvalidArgumentError('externalStore', 'file:///an/absolute/path or memory:', url)
}
