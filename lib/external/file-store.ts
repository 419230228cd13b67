import { randomUUID } from 'node:crypto'
import { access, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '../errors/index.ts'
import { blobParts, streamWithoutMagic, withoutMagic } from './blob-format.ts'
import { blobName, type NameOptions } from './blob-name.ts'
import type { BlobType, ExternalCallOptions, ExternalStore } from './external-store.ts'
import { readWhole } from './read-whole.ts'

/** What one read of a stream takes: the inputs of most transactions fit in the first. */
const PIECE_BYTES = 64 * 1024

/** Keeps bodies as files `<display-hex txid>.<type>` in one folder, or in folders below it named after txids. */
export class FileStore implements ExternalStore {
  readonly #folder: string
  readonly #names: NameOptions
  /** Folders below that this store has made or found; there are at most 16^4. */
  readonly #folders = new Set<string>()

  private constructor(folder: string, names: NameOptions) {
    this.#folder = folder
    this.#names = names
  }

  /** Creates the folder where it is missing. Throws `STORAGE_UNAVAILABLE` when it cannot be written. */
  static async open(folder: string, names: NameOptions): Promise<FileStore> {
    try {
      await mkdir(folder, { recursive: true })
    } catch (error) {
      throw new StoreError('STORAGE_UNAVAILABLE', `the external store's folder ${folder} cannot be created`, {
        cause: error,
      })
    }
    return new FileStore(folder, names)
  }

  async set(
    txid: string,
    type: BlobType,
    body: Uint8Array,
    { signal }: ExternalCallOptions = {},
  ): Promise<void> {
    const path = this.#path(txid, type)
    if (await exists(path)) return
    // Written under another name and renamed, so that no reader ever sees a part of it, not even after a crash.
    const temporary = `${path}.${randomUUID()}.tmp`
    try {
      await this.#ensureFolder(dirname(path))
      await writeAndSync(temporary, blobParts(type, body), signal)
      // Given up, it must not take the place of what another has written meanwhile.
      signal?.throwIfAborted()
      await rename(temporary, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      throw failure(txid, type, 'written', error)
    }
  }

  async get(
    txid: string,
    type: BlobType,
    { signal }: ExternalCallOptions = {},
  ): Promise<Uint8Array | undefined> {
    let file: FileHandle | undefined
    try {
      file = await open(this.#path(txid, type), 'r')
      const { size } = await file.stat()
      return withoutMagic(txid, type, await readWhole(file, size, { signal }))
    } catch (error) {
      if (file === undefined && isNotFound(error)) return undefined
      throw failure(txid, type, 'read', error)
    } finally {
      await file?.close()
    }
  }

  async *stream(
    txid: string,
    type: BlobType,
    { signal }: ExternalCallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let file: FileHandle | undefined
    try {
      file = await open(this.#path(txid, type), 'r')
      yield* streamWithoutMagic(txid, type, pieces(file, signal))
    } catch (error) {
      if (file === undefined && isNotFound(error)) return
      throw failure(txid, type, 'read', error)
    } finally {
      await file?.close()
    }
  }

  async delete(txid: string, type: BlobType): Promise<void> {
    try {
      await rm(this.#path(txid, type), { force: true })
    } catch (error) {
      throw failure(txid, type, 'deleted', error)
    }
  }

  async close(): Promise<void> {}

  async #ensureFolder(folder: string): Promise<void> {
    if (folder === this.#folder || this.#folders.has(folder)) return
    await mkdir(folder, { recursive: true })
    await syncFolder(this.#folder)
    this.#folders.add(folder)
  }

  #path(txid: string, type: BlobType): string {
    return join(this.#folder, blobName(txid, type, this.#names))
  }
}

async function* pieces(
  file: FileHandle,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    signal?.throwIfAborted()
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

async function writeAndSync(
  path: string,
  parts: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for (const part of parts) await file.writeFile(part, { signal })
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a new name last: without it a power loss could leave a record without its body. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}

function failure(txid: string, type: BlobType, what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error
  return new StoreError('STORAGE_ERROR', `the external body ${txid}.${type} cannot be ${what}`, {
    cause: error,
  })
}
