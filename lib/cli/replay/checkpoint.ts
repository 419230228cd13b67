import { access, constants, open, readFile, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { messageOf } from '../../errors/index.ts'
import { txidFromHex, txidKey } from '../../index.ts'
import { UsageError } from '../failure.ts'

/** How far a replay has come: the last block that is done, and of which store that is true. */
export interface Checkpoint {
  readonly namespace: string
  readonly set: string
  /** Display hex. */
  readonly blockHash: string
  readonly height: number
}

const FORMAT = 1

/** Undefined where there is no such file: the replay begins. */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      await checkFolder(path)
      return undefined
    }
    throw new UsageError(`cannot read the checkpoint ${path}: ${messageOf(error)}.`)
  }
  try {
    const { format, namespace, set, blockHash, height } = JSON.parse(text) as Checkpoint & { format: unknown }
    const isWhole = typeof namespace === 'string' && typeof set === 'string' && Number.isSafeInteger(height)
    txidFromHex(blockHash)
    if (format === FORMAT && isWhole) return { namespace, set, blockHash, height }
  } catch {
    // Told below, as everything else that is no checkpoint.
  }
  throw new UsageError(`${path} is no checkpoint of a replay.`)
}

/** Now, and not after the first block, which may take hours. */
async function checkFolder(path: string): Promise<void> {
  try {
    await access(dirname(resolve(path)), constants.W_OK)
  } catch (error) {
    throw new UsageError(`cannot write the checkpoint ${path}: ${messageOf(error)}.`)
  }
}

/** Written under another name and renamed: a crash leaves this checkpoint or the one before. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(`${JSON.stringify({ format: FORMAT, ...checkpoint }, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

export function checkpointKey({ blockHash }: Checkpoint): string {
  return txidKey(txidFromHex(blockHash))
}
