import { InvalidArgumentError } from '../errors/index.ts'

export interface StoreUrl {
  /** `aerospike`: a server at `hosts`. `embedded`: a server inside this process, started at open. */
  readonly scheme: 'aerospike' | 'embedded'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly namespace: string
  readonly set: string
  /** Where bodies of large transactions are kept: `file:///folder`, `s3://bucket/prefix` or `memory:`. */
  readonly externalStore: string
  readonly connectionsMax: number
  readonly connectionsMin: number
  /** As the setting of this name, which it replaces; undefined where the URL does not say. */
  readonly transport: WantedTransport | undefined
}

const TRANSPORTS = ['auto', 'wire', 'client'] as const
export type WantedTransport = (typeof TRANSPORTS)[number]

const DEFAULT_PORT = 3000
const DEFAULT_SET = 'txmeta'
const EMBEDDED_NAMESPACE = 'utxo-store'
const NAMESPACE_BYTES_MAX = 31
const SET_BYTES_MAX = 63

/** Parameters after the `?`, and what they mean; connection names as in the reference's URLs. */
const PARAMETERS = [
  'set',
  'externalStore',
  'ConnectionQueueSize',
  'MinConnectionsPerNode',
  'transport',
] as const

const FORM = 'aerospike://host:port[,host:port…]/namespace?set=… or embedded:?set=…'

/**
 * Parses the URL of a store: `aerospike://host:port[,host:port…]/namespace?parameters` or
 * `embedded:[namespace]?parameters`. The port defaults to 3000 and the set to `txmeta` (semantics 1.1).
 * Throws `INVALID_ARGUMENT` naming the part that is wrong; unknown parameters are refused.
 */
export function parseStoreUrl(text: string): StoreUrl {
  const match = /^(aerospike:\/\/|embedded:)([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text)
  if (match === null) throw new InvalidArgumentError('store URL', `of the form ${FORM}`, text)
  const [, prefix, authority = '', path = '', query = ''] = match
  if (prefix === 'aerospike://' && path === '') {
    throw new InvalidArgumentError(
      'store URL',
      'an address followed by /namespace, for example aerospike://127.0.0.1:3000/utxo-store',
      text,
    )
  }
  const parameters = parseParameters(query, text)
  const connectionsMax = positiveInteger(parameters, 'ConnectionQueueSize', 128)
  const common = {
    set: name('set', parameters.get('set') ?? DEFAULT_SET, SET_BYTES_MAX),
    externalStore: parseExternalStore(parameters.get('externalStore'), prefix === 'embedded:'),
    connectionsMax,
    connectionsMin: positiveInteger(parameters, 'MinConnectionsPerNode', 0),
    transport: transport(parameters.get('transport')),
  }
  if (common.connectionsMin > connectionsMax) {
    throw new InvalidArgumentError(
      'MinConnectionsPerNode',
      `at most ConnectionQueueSize (${connectionsMax})`,
      common.connectionsMin,
    )
  }
  if (prefix === 'embedded:') {
    if (path !== '') throw new InvalidArgumentError('store URL', `of the form ${FORM}`, text)
    const namespace = name(
      'namespace',
      decoded('namespace', authority || EMBEDDED_NAMESPACE),
      NAMESPACE_BYTES_MAX,
    )
    return { scheme: 'embedded', hosts: [], namespace, ...common }
  }
  return {
    scheme: 'aerospike',
    hosts: parseHosts(authority),
    namespace: name('namespace', decoded('namespace', path), NAMESPACE_BYTES_MAX),
    ...common,
  }
}

function parseParameters(query: string, text: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(query)) {
    if (!(PARAMETERS as readonly string[]).includes(key)) {
      throw new InvalidArgumentError('store URL parameter', `one of ${PARAMETERS.join(', ')}`, key)
    }
    // What stands for bytes that are no text: two sets would have one name.
    if (value.includes('\ufffd'))
      throw new InvalidArgumentError(`store URL parameter ${key}`, 'valid percent-encoding of UTF-8', value)
    if (parameters.has(key)) throw new InvalidArgumentError(`store URL parameter ${key}`, 'given once', text)
    parameters.set(key, value)
  }
  return parameters
}

function parseHosts(authority: string): { host: string; port: number }[] {
  return authority.split(',').map(part => {
    // IPv6 addresses stand in brackets, so that their colons are not taken for the port's.
    const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]@]+)(?::(\d{1,5}))?$/.exec(part)
    const port = Number(match?.[2] ?? DEFAULT_PORT)
    if (match?.[1] === undefined || port < 1 || port > 65_535) {
      throw new InvalidArgumentError('store URL host', 'host or host:port with a port from 1 to 65535', part)
    }
    return { host: match[1].replace(/^\[|\]$/g, ''), port }
  })
}

/**
 * Required where the data outlives the process: without it the first large transaction would fail in the midst
 * of a block (semantics 1.1). An embedded server's bodies end with its records.
 */
function parseExternalStore(value: string | undefined, isEmbedded: boolean): string {
  if (value === undefined && isEmbedded) return 'memory:'
  if (value === undefined || !/^(file:\/\/\/.|s3:\/\/.|memory:$)/.test(value)) {
    throw new InvalidArgumentError(
      'store URL parameter externalStore',
      'file:///an/absolute/path or s3://bucket/prefix, the place for the bodies of large transactions (or memory: for a trial)',
      value,
    )
  }
  return value
}

function positiveInteger(parameters: Map<string, string>, key: string, fallback: number): number {
  const text = parameters.get(key)
  if (text === undefined) return fallback
  if (!/^\d{1,6}$/.test(text) || (Number(text) === 0 && fallback > 0)) {
    throw new InvalidArgumentError(key, 'a whole number of connections', text)
  }
  return Number(text)
}

function transport(text: string | undefined): WantedTransport | undefined {
  const choice = TRANSPORTS.find(known => known === text)
  if (text !== undefined && choice === undefined)
    throw new InvalidArgumentError('store URL parameter transport', `one of ${TRANSPORTS.join(', ')}`, text)
  return choice
}

function name(field: string, value: string, bytesMax: number): string {
  // Aerospike's info commands use these as separators; clients cut a name at a NUL, and so take another.
  if (value === '' || Buffer.byteLength(value) > bytesMax || /[:;,=/\s\p{Cc}]/u.test(value)) {
    const expected = `1 to ${bytesMax} bytes without : ; , = /, white space and control characters`
    throw new InvalidArgumentError(field, expected, value)
  }
  return value
}

function decoded(field: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new InvalidArgumentError(field, 'valid percent-encoding', text, { cause: error })
  }
}
