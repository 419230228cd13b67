import { randomUUID } from 'node:crypto'
import { access, type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError, messageOf, StoreError, TIMER_MS_MAX, wholeNumber } from '../errors/index.ts'
import { FileDataFile, FileSubtreeNodes } from './open-files.ts'
import { FilePartialData } from './partial-file.ts'
import type { PartialDataFile, SubtreeDataFile, SubtreeFiles, SubtreeNodes } from './subtree-files.ts'
import type { SubtreeFileType } from './subtree-format.ts'

export interface SubtreeFolderOptions {
  /**
   * Partial files that were not written to for so long are those of a process that crashed, and are removed, in
   * whole milliseconds. 15 minutes by default, a second at the least: a live one is not to be taken for these.
   */
  readonly staleAfterMs?: number
}

const STALE_AFTER_MS = 15 * 60_000
const STALE_AFTER_MS_MIN = 1_000
const PARTIAL = /^[0-9a-f]{64}\.subtreeData\.[0-9a-f-]{36}\.tmp$/

/** Where the list of a subtree's transactions can be: once validated it is in the first. */
const SUBTREE_TYPES = ['subtree', 'subtreeToCheck'] as const

/**
 * Keeps subtrees as files `<display-hex root>.<type>` in one folder. Several processes may share it: a data file
 * is written under a name of its own and renamed, and there are no locks that a crash could leave.
 */
export class SubtreeFolder implements SubtreeFiles {
  readonly #folder: string
  readonly #staleAfterMs: number
  #sweptAtMs = Number.NEGATIVE_INFINITY

  private constructor(folder: string, staleAfterMs: number) {
    this.#folder = folder
    this.#staleAfterMs = staleAfterMs
  }

  /**
   * Creates the folder where it is missing, and removes what crashed processes have left there. Throws
   * `STORAGE_UNAVAILABLE` when it cannot be used, `INVALID_ARGUMENT` for arguments that make no sense.
   */
  static async open(
    folder: string,
    { staleAfterMs = STALE_AFTER_MS }: SubtreeFolderOptions = {},
  ): Promise<SubtreeFolder> {
    if (typeof folder !== 'string' || folder === '')
      throw new InvalidArgumentError('folder', 'the path of a folder', folder)
    wholeNumber('staleAfterMs', staleAfterMs, STALE_AFTER_MS_MIN, TIMER_MS_MAX)
    const opened = new SubtreeFolder(folder, staleAfterMs)
    try {
      await mkdir(folder, { recursive: true })
      await opened.#sweep()
    } catch (cause) {
      const text = `the folder of subtrees ${folder} cannot be used: ${messageOf(cause)}`
      throw new StoreError('STORAGE_UNAVAILABLE', text, { cause })
    }
    return opened
  }

  hasData(root: string): Promise<boolean> {
    return this.#has(root, 'subtreeData')
  }

  async hasSubtree(root: string): Promise<boolean> {
    for (const type of SUBTREE_TYPES) if (await this.#has(root, type)) return true
    return false
  }

  async openData(root: string): Promise<SubtreeDataFile | undefined> {
    const file = await this.#open(root, 'subtreeData')
    return file && FileDataFile.of(file, `${root}.subtreeData`)
  }

  async openSubtree(root: string): Promise<SubtreeNodes | undefined> {
    for (const type of SUBTREE_TYPES) {
      const file = await this.#open(root, type)
      if (file !== undefined) return FileSubtreeNodes.of(file, root, type)
    }
    return undefined
  }

  async createData(root: string): Promise<PartialDataFile> {
    if (await this.hasData(root))
      throw new StoreError('BLOB_ALREADY_EXISTS', `${root}.subtreeData is there already`)
    if (performance.now() - this.#sweptAtMs > this.#staleAfterMs) await this.#sweep().catch(() => {})
    const path = this.#path(root, 'subtreeData')
    return FilePartialData.begin({ path, temporary: `${path}.${randomUUID()}.tmp`, folder: this.#folder })
  }

  /** Removes the partial files of processes that crashed. */
  async #sweep(): Promise<void> {
    this.#sweptAtMs = performance.now()
    for (const name of await readdir(this.#folder)) {
      if (!PARTIAL.test(name)) continue
      const path = join(this.#folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs > this.#staleAfterMs)
        await rm(path, { force: true })
    }
  }

  async #has(root: string, type: SubtreeFileType): Promise<boolean> {
    try {
      await access(this.#path(root, type))
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw failure(root, type, error)
    }
  }

  async #open(root: string, type: SubtreeFileType): Promise<FileHandle | undefined> {
    try {
      return await open(this.#path(root, type), 'r')
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw failure(root, type, error)
    }
  }

  #path(root: string, type: SubtreeFileType): string {
    return join(this.#folder, `${root}.${type}`)
  }
}

function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}

function failure(root: string, type: SubtreeFileType, cause: unknown): StoreError {
  return new StoreError('STORAGE_ERROR', `${root}.${type} cannot be read: ${messageOf(cause)}`, { cause })
}
