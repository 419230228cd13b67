import { InvalidArgumentError } from '../errors/index.ts'
import type { BlobType } from './external-store.ts'

/** Where a blob's name begins with a folder: some of its txid's first or last characters, so that no folder holds all of them. */
export interface NameOptions {
  readonly hashPrefix: number
  readonly hashSuffix: number
}

/** 16^4 folders; more would cost a folder for each body. */
const FOLDER_CHARACTERS_MAX = 4

/** `<display-hex txid>.<type>`, below the prefix folder where one is asked for. */
export function blobName(txid: string, type: BlobType, { hashPrefix, hashSuffix }: NameOptions): string {
  const folder = hashPrefix > 0 ? txid.slice(0, hashPrefix) : hashSuffix > 0 ? txid.slice(-hashSuffix) : ''
  return folder === '' ? `${txid}.${type}` : `${folder}/${txid}.${type}`
}

/** Takes `hashPrefix` or `hashSuffix` out of a URL's parameters; both number characters of the txid, 1 to 4. */
export function takeNameOptions(parameters: URLSearchParams): NameOptions {
  const options = {
    hashPrefix: takeLength(parameters, 'hashPrefix'),
    hashSuffix: takeLength(parameters, 'hashSuffix'),
  }
  if (options.hashPrefix > 0 && options.hashSuffix > 0) {
    throw new InvalidArgumentError(
      'externalStore hashSuffix',
      'absent where hashPrefix is given',
      options.hashSuffix,
    )
  }
  return options
}

function takeLength(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name)
  parameters.delete(name)
  if (text === null) return 0
  const length = Number(text)
  if (!/^\d$/.test(text) || length < 1 || length > FOLDER_CHARACTERS_MAX) {
    throw new InvalidArgumentError(`externalStore ${name}`, `1 to ${FOLDER_CHARACTERS_MAX} characters`, text)
  }
  return length
}

/** Refuses parameters that nobody has taken, instead of ignoring them. */
export function refuseOthers(parameters: URLSearchParams, known: readonly string[]): void {
  for (const [name, value] of parameters) {
    throw new InvalidArgumentError(`externalStore parameter ${name}`, `one of ${known.join(', ')}`, value)
  }
}
