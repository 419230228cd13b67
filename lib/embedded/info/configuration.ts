import type { InfoCommand } from '../../protocol/index.ts'
import { TIMEOUT_MS_DEFAULT } from '../limits.ts'
import type { ServerNode } from '../server-node.ts'
import { TTL_SECONDS_MAX } from '../storage/expiry.ts'
import type { Namespace } from '../storage/namespace.ts'
import type { NamespaceConfig } from '../storage/namespace-config.ts'
import type { RecordSet } from '../storage/record-set.ts'
import { formatPairs, type InfoPair, type InfoTable, namespaceParameter } from './info-command.ts'
import { badParameter, type InfoError, missing, missingNamespace, unknownNamespace } from './info-error.ts'

/** Changes a setting; undefined when the text is no value for it. */
type Setter<Target> = (target: Target, text: string) => boolean

const NSUP_PERIOD_SECONDS_MAX = 24 * 60 * 60

function wholeNumber(text: string, max: number): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value <= max ? value : undefined
}

function numberSetter<Target>(max: number, set: (target: Target, value: number) => void): Setter<Target> {
  return (target, text) => {
    const value = wholeNumber(text, max)
    if (value !== undefined) set(target, value)
    return value !== undefined
  }
}

/** What set-config can change in a namespace while the server runs. */
const NAMESPACE_SETTERS: Readonly<Record<string, Setter<NamespaceConfig>>> = {
  'default-ttl': numberSetter(TTL_SECONDS_MAX, (config, value) => {
    config.defaultTtlSeconds = value
  }),
  'nsup-period': numberSetter(NSUP_PERIOD_SECONDS_MAX, (config, value) => {
    config.nsupPeriodSeconds = value
  }),
  'allow-ttl-without-nsup': (config, text) => {
    if (text !== 'true' && text !== 'false') return false
    config.allowTtlWithoutNsup = text === 'true'
    return true
  },
}

const SET_SETTERS: Readonly<Record<string, Setter<RecordSet>>> = {
  'default-ttl': numberSetter(TTL_SECONDS_MAX, (set, value) => {
    set.defaultTtlSeconds = value
  }),
}

const SERVICE_SETTERS: Readonly<Record<string, Setter<ServerNode>>> = {
  'batch-max-requests': numberSetter(0xffffffff, (node, value) => {
    node.config.batchRequestsMax = value
  }),
}

/** The settings of a namespace, those that cannot be changed as they are built in. */
export function namespaceConfigPairs({ cluster }: ServerNode, { config }: Namespace): InfoPair[] {
  return [
    ['allow-ttl-without-nsup', config.allowTtlWithoutNsup],
    ['default-read-touch-ttl-pct', 0],
    ['default-ttl', config.defaultTtlSeconds],
    ['max-record-size', config.recordBytesMax],
    ['nsup-period', config.nsupPeriodSeconds],
    ['rack-id', 0],
    ['replication-factor', cluster.replicationFactorMax],
    ['strong-consistency', false],
    ['index-type', 'mem'],
    ['sindex-type', 'mem'],
    ['storage-engine', 'memory'],
  ]
}

function servicePairs(node: ServerNode): InfoPair[] {
  return [
    ['batch-max-requests', node.config.batchRequestsMax],
    ['cluster-name', node.clusterName ?? 'null'],
    ['node-id', node.name],
    ['proto-fd-idle-ms', 0],
    ['proto-fd-max', 15000],
    ['transaction-max-ms', TIMEOUT_MS_DEFAULT],
  ]
}

/** The namespace a configuration command is about. @throws InfoError */
function requiredNamespace(node: ServerNode, command: InfoCommand): Namespace {
  const name = namespaceParameter(command)
  if (name === undefined) throw missingNamespace()
  const namespace = node.namespaces.get(name)
  if (namespace === undefined) throw unknownNamespace()
  return namespace
}

function getConfig(node: ServerNode, command: InfoCommand): string {
  const context = command.parameters.get('context') ?? 'service'
  switch (context) {
    case 'service':
      return formatPairs(servicePairs(node))
    case 'network':
      return formatPairs([
        ['service.address', node.host],
        ['service.port', node.port],
      ])
    case 'namespace':
      return formatPairs(namespaceConfigPairs(node, requiredNamespace(node, command)))
    case 'security':
    case 'xdr':
      return ''
    default:
      throw badParameter('invalid context')
  }
}

const CONTEXT_KEYS = new Set(['context', 'namespace', 'ns', 'id', 'set'])

function setConfig(node: ServerNode, command: InfoCommand): string {
  const context = command.parameters.get('context')
  if (context === undefined) throw missing('context')
  if (context === 'service') return apply(SERVICE_SETTERS, node, command)
  if (context !== 'namespace') throw badParameter('invalid context')
  const namespace = requiredNamespace(node, command)
  const setName = command.parameters.get('set')
  if (setName === undefined) return apply(NAMESPACE_SETTERS, namespace.config, command)
  const set = namespace.findSet(setName)
  if (set === undefined) throw invalidSetting()
  return apply(SET_SETTERS, set, command)
}

function invalidSetting(): InfoError {
  return badParameter('invalid set-config parameter')
}

/** Changes one setting: a command with several or none is refused whole. */
function apply<Target>(
  setters: Readonly<Record<string, Setter<Target>>>,
  target: Target,
  command: InfoCommand,
): string {
  const settings = [...command.parameters].filter(([key]) => !CONTEXT_KEYS.has(key))
  const [setting] = settings
  if (settings.length !== 1 || setting === undefined) throw invalidSetting()
  const [key, text] = setting
  const setter = Object.hasOwn(setters, key) ? setters[key] : undefined
  if (setter?.(target, text) !== true) throw invalidSetting()
  return 'ok'
}

/** Reads and changes settings (protocol 2.7). */
export const configurationCommands: InfoTable = {
  'get-config': getConfig,
  'set-config': setConfig,
}
