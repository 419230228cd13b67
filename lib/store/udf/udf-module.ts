import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Administration } from '../../transport/index.ts'
import type { EventLogger } from '../logging/logger.ts'

/** The parts stand in lua/ beside lib/ and beside dist/ alike, so one relative path serves both. */
const PARTS = new URL('../../../lua/utxo/', import.meta.url)

export interface UdfModule {
  /** Name for calls; no dot, since the server cuts the extension at one (semantics 2.1). */
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

/** Registers the module where it is missing, and waits until every node has it. */
export async function ensureRegistered(
  module: UdfModule,
  administration: Administration,
  logger: EventLogger,
): Promise<void> {
  const fileName = `${module.name}.lua`
  if ((await administration.listUdfFiles()).includes(fileName)) return
  logger.info({ event: 'udf_register', module: module.name }, 'registering the UDF module')
  await administration.registerUdf(fileName, module.source)
}
