import type { FileHandle } from 'node:fs/promises'

/** Systems read no more than 2 GiB in one call, and `readFile` refuses longer files. */
const PART_BYTES_MAX = 1024 ** 3

export interface ReadWholeOptions {
  readonly signal?: AbortSignal | undefined
  /** The most bytes of one read. */
  readonly partBytes?: number | undefined
}

/** The first `size` bytes of a file, or as many as there are, in parts. The signal ends it between them. */
export async function readWhole(
  file: Pick<FileHandle, 'read'>,
  size: number,
  { signal, partBytes = PART_BYTES_MAX }: ReadWholeOptions = {},
): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(size)
  let length = 0
  while (length < size) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(whole, length, Math.min(partBytes, size - length), length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return whole.subarray(0, length)
}
