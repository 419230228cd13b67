import { fileURLToPath } from 'node:url'
import { InvalidArgumentError } from '../errors/index.ts'
import { refuseOthers, takeNameOptions } from './blob-name.ts'
import type { ExternalStore } from './external-store.ts'
import { FileStore } from './file-store.ts'
import { MemoryStore } from './memory-store.ts'
import { parseS3Url, S3Store } from './s3-store.ts'

/**
 * Opens the store that a URL names: `file:///absolute/folder`, `s3://bucket/prefix` or `memory:`. Files and objects
 * lie below a folder named after the first or last characters of their txid where `hashPrefix` or `hashSuffix`
 * says how many.
 */
export async function openExternalStore(url: string): Promise<ExternalStore> {
  if (url === 'memory:') return new MemoryStore()
  if (url.startsWith('s3://')) return S3Store.open(parseS3Url(url))
  if (url.startsWith('file:///')) {
    const [location = '', query = '', ...more] = url.split('?')
    if (more.length > 0 || url.includes('#'))
      throw new InvalidArgumentError('externalStore', 'a path with ? and # written as %3F and %23', url)
    const parameters = new URLSearchParams(query)
    const names = takeNameOptions(parameters)
    refuseOthers(parameters, ['hashPrefix', 'hashSuffix'])
    return FileStore.open(fileURLToPath(location), names)
  }
  throw new InvalidArgumentError(
    'externalStore',
    'file:///an/absolute/path, s3://bucket/prefix or memory:',
    url,
  )
}
