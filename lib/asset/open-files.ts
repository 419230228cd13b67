import type { FileHandle } from 'node:fs/promises'
import { TXID_BYTES, txidToHex } from '../bitcoin/index.ts'
import { messageOf, StoreError } from '../errors/index.ts'
import type { SubtreeDataFile, SubtreeNode, SubtreeNodes } from './subtree-files.ts'
import {
  fileMagic,
  MAGIC_BYTES,
  NODE_BYTES,
  NODE_SIZE_OFFSET,
  SUBTREE_HEAD_BYTES,
  type SubtreeFileType,
} from './subtree-format.ts'

const PIECE_BYTES = 256 * 1024

/** A data file that is read from the first transaction to the last. */
export class FileDataFile implements SubtreeDataFile {
  readonly sizeBytes: number
  readonly #file: FileHandle
  readonly #name: string

  private constructor(file: FileHandle, name: string, sizeBytes: number) {
    this.#file = file
    this.#name = name
    this.sizeBytes = sizeBytes
  }

  /** Takes the file over: it is closed where this throws. */
  static of(file: FileHandle, name: string): Promise<FileDataFile> {
    return orClosed(file, async () => {
      const head = await readFully(file, name, 0, MAGIC_BYTES)
      if (!head.equals(fileMagic('subtreeData'))) throw damaged(name, 'it does not begin with its magic')
      const { size } = await file.stat()
      return new FileDataFile(file, name, size - MAGIC_BYTES)
    })
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.sizeBytes; ) {
      const piece = await readFully(
        this.#file,
        this.#name,
        MAGIC_BYTES + at,
        Math.min(PIECE_BYTES, this.sizeBytes - at),
      )
      at += piece.length
      yield piece
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** A subtree of any size, of which only what is asked for is read. */
export class FileSubtreeNodes implements SubtreeNodes {
  readonly count: number
  readonly #file: FileHandle
  readonly #name: string

  private constructor(file: FileHandle, name: string, count: number) {
    this.#file = file
    this.#name = name
    this.count = count
  }

  /** Takes the file over: it is closed where this throws. */
  static of(file: FileHandle, root: string, type: SubtreeFileType): Promise<FileSubtreeNodes> {
    const name = `${root}.${type}`
    return orClosed(file, async () => {
      const head = await readFully(file, name, 0, SUBTREE_HEAD_BYTES)
      if (!head.subarray(0, MAGIC_BYTES).equals(fileMagic(type)))
        throw damaged(name, 'it does not begin with its magic')
      const found = txidToHex(head.subarray(MAGIC_BYTES, MAGIC_BYTES + TXID_BYTES))
      if (found !== root) throw damaged(name, `its root is ${found}`)
      const count = head.readBigUInt64LE(SUBTREE_HEAD_BYTES - 8)
      const { size } = await file.stat()
      if (count > BigInt(Math.floor((size - SUBTREE_HEAD_BYTES) / NODE_BYTES)))
        throw damaged(name, `it is too short for its ${count} transactions`)
      return new FileSubtreeNodes(file, name, Number(count))
    })
  }

  async read(from: number, count: number): Promise<SubtreeNode[]> {
    const length = Math.max(0, Math.min(count, this.count - from))
    const bytes = await readFully(
      this.#file,
      this.#name,
      SUBTREE_HEAD_BYTES + from * NODE_BYTES,
      length * NODE_BYTES,
    )
    return Array.from({ length }, (_, index) => {
      const at = index * NODE_BYTES
      return {
        txid: new Uint8Array(bytes.subarray(at, at + TXID_BYTES)),
        sizeBytes: Number(bytes.readBigUInt64LE(at + NODE_SIZE_OFFSET)),
      }
    })
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

async function orClosed<Opened>(file: FileHandle, work: () => Promise<Opened>): Promise<Opened> {
  try {
    return await work()
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Exactly so many bytes; a file may give fewer than were asked for. */
async function readFully(file: FileHandle, name: string, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done).catch(cause => {
      throw new StoreError('STORAGE_ERROR', `${name} cannot be read: ${messageOf(cause)}`, { cause })
    })
    if (bytesRead === 0) throw damaged(name, 'it ends too early')
    done += bytesRead
  }
  return buffer
}

function damaged(name: string, why: string): StoreError {
  return new StoreError('STORAGE_ERROR', `${name} is damaged: ${why}`)
}
