import { InvalidArgumentError, wholeNumber } from '../errors/index.ts'
import type { Log } from './log.ts'

/** How an embedded server is started. Everything has a default. */
export interface EmbeddedServerStartOptions {
  /** The address to listen on; default `127.0.0.1`, so that nobody else can connect. */
  readonly host?: string
  /** 0 to 65535; default 0, one that is free. */
  readonly port?: number
  /**
   * How many nodes make up the cluster, 1 to 16; default 1. With more there are two copies of each record. The
   * nodes listen on ports of their own: on `port` and those after it, or each on one that is free.
   */
  readonly nodes?: number
  /** After how many milliseconds the others notice that a node was killed or is frozen; default 100. */
  readonly failureDetectionMs?: number
  /** What injected faults that depend on chance depend on, a whole number below 2^32; default 1. */
  readonly faultSeed?: number
  /** The namespaces to serve, each name once, 1 to 31 bytes; default `['test']`. */
  readonly namespaces?: readonly string[]
  /** What clients can be told to expect, up to 64 bytes; default none. */
  readonly clusterName?: string
  /** Time to live of records written without one, in seconds; default 0, they never expire. */
  readonly defaultTtlSeconds?: number
  /** How often expired records are removed, in seconds; default 10. With 0, records may not expire. */
  readonly nsupPeriodSeconds?: number
  /** Receives what the server, and functions in Lua, log; default nowhere. */
  readonly log?: Log
}

/** The options with their defaults, without what cannot be sent to another thread. */
export interface ServerSettings {
  readonly host: string
  readonly port: number
  readonly nodes: number
  readonly failureDetectionMs: number
  readonly faultSeed: number
  readonly namespaces: readonly string[]
  readonly clusterName: string | undefined
  readonly defaultTtlSeconds: number
  readonly nsupPeriodSeconds: number
}

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'host',
  'port',
  'nodes',
  'failureDetectionMs',
  'faultSeed',
  'namespaces',
  'clusterName',
  'defaultTtlSeconds',
  'nsupPeriodSeconds',
  'log',
])
const NAMESPACE_NAME = /^[A-Za-z0-9_\-$]{1,31}$/
const PORT_MAX = 0xffff
const NODES_MAX = 16
const FAILURE_DETECTION_MS_DEFAULT = 100
const FAILURE_DETECTION_MS_MAX = 60_000
const TEN_YEARS_SECONDS = 315_360_000
const DAY_SECONDS = 24 * 60 * 60

/** @throws InvalidArgumentError naming the option and the value */
export function serverSettings(options: EmbeddedServerStartOptions): ServerSettings {
  for (const name of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(name)) throw new InvalidArgumentError('options', 'without unknown names', name)
  }
  const { host = '127.0.0.1', clusterName, log } = options
  if (typeof host !== 'string' || host === '') {
    throw new InvalidArgumentError('host', 'an address or a host name', host)
  }
  if (clusterName !== undefined && !(typeof clusterName === 'string' && /^\S{1,64}$/.test(clusterName))) {
    throw new InvalidArgumentError('clusterName', 'up to 64 characters without spaces', clusterName)
  }
  if (log !== undefined && typeof log !== 'function') throw new InvalidArgumentError('log', 'a function', log)
  const port = wholeNumber('port', options.port ?? 0, 0, PORT_MAX)
  const nodes = wholeNumber('nodes', options.nodes ?? 1, 1, NODES_MAX)
  if (port > 0 && port + nodes - 1 > PORT_MAX) {
    throw new InvalidArgumentError('port', `at most ${PORT_MAX + 1 - nodes} for ${nodes} nodes`, port)
  }
  return {
    host,
    port,
    nodes,
    failureDetectionMs: wholeNumber(
      'failureDetectionMs',
      options.failureDetectionMs ?? FAILURE_DETECTION_MS_DEFAULT,
      0,
      FAILURE_DETECTION_MS_MAX,
    ),
    faultSeed: wholeNumber('faultSeed', options.faultSeed ?? 1, 0, 0xffffffff),
    namespaces: namespaceNames(options.namespaces ?? ['test']),
    clusterName,
    defaultTtlSeconds: wholeNumber('defaultTtlSeconds', options.defaultTtlSeconds ?? 0, 0, TEN_YEARS_SECONDS),
    nsupPeriodSeconds: wholeNumber('nsupPeriodSeconds', options.nsupPeriodSeconds ?? 10, 0, DAY_SECONDS),
  }
}

function namespaceNames(names: readonly string[]): readonly string[] {
  const isList = Array.isArray(names) && names.length > 0 && new Set(names).size === names.length
  if (!isList) throw new InvalidArgumentError('namespaces', 'a list of at least one name, each once', names)
  for (const name of names) {
    if (typeof name !== 'string' || !NAMESPACE_NAME.test(name)) {
      throw new InvalidArgumentError('namespaces', 'names of 1 to 31 letters, digits, _, - or $', name)
    }
  }
  return [...names]
}
