import { randomUUID } from 'node:crypto'
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../errors/index.ts'
import { type BlobType, type ExternalStore, withMagic, withoutMagic } from './external-store.ts'

/** Keeps bodies as files `<display-hex txid>.<type>` in one folder. */
export class FileStore implements ExternalStore {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Creates the folder where it is missing. Throws `STORAGE_UNAVAILABLE` when it cannot be written. */
  static async open(folder: string): Promise<FileStore> {
    try {
      await mkdir(folder, { recursive: true })
    } catch (error) {
      throw new StoreError('STORAGE_UNAVAILABLE', `the external store's folder ${folder} cannot be created`, {
        cause: error,
      })
    }
    return new FileStore(folder)
  }

  async set(txid: string, type: BlobType, body: Uint8Array): Promise<void> {
    const path = this.#path(txid, type)
    if (await exists(path)) return
    // Written under another name and renamed, so that no reader ever sees a part of it, not even after a crash.
    const temporary = `${path}.${randomUUID()}.tmp`
    try {
      const file = await open(temporary, 'wx')
      try {
        await file.writeFile(withMagic(type, body))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
      await this.#syncFolder()
    } catch (error) {
      await rm(temporary, { force: true })
      throw new StoreError('STORAGE_ERROR', `the external body ${txid}.${type} cannot be written`, {
        cause: error,
      })
    }
  }

  async get(txid: string, type: BlobType): Promise<Uint8Array | undefined> {
    try {
      return withoutMagic(txid, type, await readFile(this.#path(txid, type)))
    } catch (error) {
      if (error instanceof StoreError) throw error
      if (isNotFound(error)) return undefined
      throw new StoreError('STORAGE_ERROR', `the external body ${txid}.${type} cannot be read`, {
        cause: error,
      })
    }
  }

  async delete(txid: string, type: BlobType): Promise<void> {
    await rm(this.#path(txid, type), { force: true })
  }

  /** Makes the new name last: without it a power loss could leave a record without its body. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  #path(txid: string, type: BlobType): string {
    return join(this.#folder, `${txid}.${type}`)
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
