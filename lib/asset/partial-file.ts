import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { messageOf, StoreError } from '../errors/index.ts'
import type { PartialDataFile } from './subtree-files.ts'
import { fileMagic } from './subtree-format.ts'

/** Where a data file is written, and what it is called when it is whole. */
interface PartialPaths {
  readonly path: string
  readonly temporary: string
  readonly folder: string
}

/**
 * A data file under a temporary name. Renaming publishes it: no reader ever sees a part of it, not even after a
 * crash or a power loss. Where another has published the same subtree meanwhile, the same bytes replace the same.
 */
export class FilePartialData implements PartialDataFile {
  readonly #file: FileHandle
  readonly #paths: PartialPaths
  #isOver = false

  private constructor(file: FileHandle, paths: PartialPaths) {
    this.#file = file
    this.#paths = paths
  }

  static async begin(paths: PartialPaths): Promise<FilePartialData> {
    try {
      const partial = new FilePartialData(await open(paths.temporary, 'wx'), paths)
      await partial.write(fileMagic('subtreeData'))
      return partial
    } catch (error) {
      throw failure(paths, error)
    }
  }

  async write(piece: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await this.#file.write(piece, done)
        done += bytesWritten
      }
    } catch (error) {
      await this.discard()
      throw failure(this.#paths, error)
    }
  }

  async publish(): Promise<void> {
    const { path, temporary, folder } = this.#paths
    try {
      await this.#file.sync()
      await rename(temporary, path)
      await this.#close()
      await syncFolder(folder)
    } catch (error) {
      await this.discard()
      throw failure(this.#paths, error)
    }
  }

  async discard(): Promise<void> {
    if (this.#isOver) return
    await this.#close().catch(() => {})
    await rm(this.#paths.temporary, { force: true }).catch(() => {})
  }

  async #close(): Promise<void> {
    this.#isOver = true
    await this.#file.close()
  }
}

/** Makes the new name last. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function failure({ path }: PartialPaths, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  return new StoreError('STORAGE_ERROR', `${path} cannot be written: ${messageOf(cause)}`, { cause })
}
