import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf } from '../../errors/index.ts'
import { UsageError } from '../failure.ts'
import type { Yardsticks } from './subject.ts'

/** What a module given with `--yardsticks` exports. */
export async function loadYardsticks(path: string): Promise<Yardsticks> {
  let loaded: { yardsticks?: Yardsticks }
  try {
    loaded = (await import(pathToFileURL(resolve(path)).href)) as { yardsticks?: Yardsticks }
  } catch (error) {
    throw new UsageError(`--yardsticks ${path} cannot be loaded: ${messageOf(error)}.`)
  }
  if (typeof loaded.yardsticks !== 'object')
    throw new UsageError(`--yardsticks ${path} has no exported table yardsticks.`)
  return loaded.yardsticks
}
