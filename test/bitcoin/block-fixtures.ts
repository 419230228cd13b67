import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../fixtures/blocks/', import.meta.url)

/** A mainnet block that ships with the tests. */
export interface BlockFixture {
  /** Block hash in display order, which is the file's name. */
  readonly hash: string
  readonly bytes: Uint8Array
}

export const BLOCK_FIXTURES: readonly BlockFixture[] = readdirSync(FOLDER)
  .filter(name => name.endsWith('.block'))
  .sort()
  .map(name => ({
    hash: name.slice(0, -'.block'.length),
    bytes: new Uint8Array(readFileSync(new URL(name, FOLDER))),
  }))

/** Height 357238: 369 transactions of ordinary traffic. */
export const ORDINARY_BLOCK_HASH = '00000000000000000f3db04d442e92c172691170ca47dfea5be2b9613cf0343d'

/** Height 364292: 2 transactions, one of them with 5,569 inputs. */
export const LARGE_TRANSACTION_BLOCK_HASH = '000000000000000003dd2fdbb484d6d9c349d644d8bbb3cbfa5e67f639a465fe'

export function blockFixture(hash: string): Uint8Array {
  const fixture = BLOCK_FIXTURES.find(candidate => candidate.hash === hash)
  if (fixture === undefined) throw new Error(`no fixture of block ${hash}`)
  return fixture.bytes
}
