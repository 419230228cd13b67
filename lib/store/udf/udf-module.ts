import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Administration } from '../../transport/index.ts'
import type { EventLogger } from '../logging/logger.ts'

/** The parts stand in lua/ beside lib/ and beside dist/ alike, so one relative path serves both. */
const PARTS = new URL('../../../lua/utxo/', import.meta.url)

export interface UdfModule {
  /** Name for calls, of which copies are derived; no dot, since the server cuts the extension at one (semantics 2.1). */
  readonly name: string
  readonly source: string
}

/**
 * The store's server-side functions as one module. Its name carries a hash of its text: a server that lists
 * the name has this very text, and stores of different versions can share a cluster. It is never named like
 * the reference's module, so that neither replaces the other's code.
 */
export async function loadUdfModule(): Promise<UdfModule> {
  const order = JSON.parse(await readFile(new URL('parts.json', PARTS), 'utf8')) as string[]
  const parts = await Promise.all(order.map(async part => readFile(new URL(part, PARTS), 'utf8')))
  const source = parts.join('\n')
  const version = createHash('sha256').update(source).digest('hex').slice(0, 12)
  return { name: `utxo_store_${version}`, source }
}

/** What the server calls a module. */
export function fileNameOf(moduleName: string): string {
  return `${moduleName}.lua`
}

/** Registers the source under each of the names where that is missing, and waits until every node has it. */
export async function ensureRegistered(
  { source }: UdfModule,
  names: readonly string[],
  administration: Administration,
  logger: EventLogger,
): Promise<void> {
  const known = await administration.listUdfFiles()
  for (const name of names) {
    const fileName = fileNameOf(name)
    if (known.includes(fileName)) continue
    logger.info({ event: 'udf_register', module: name }, 'registering the UDF module')
    await administration.registerUdf(fileName, source)
  }
}
