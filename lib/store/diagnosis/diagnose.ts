import { checkCallOptions, messageOf } from '../../errors/index.ts'
import {
  parseStoreUrl,
  resolveSettings,
  type Settings,
  type SettingsInput,
  type StoreUrl,
} from '../../settings/index.ts'
import {
  ClientAdministration,
  type ClientConnection,
  connectClient,
  type Host,
} from '../../transport/client/index.ts'
import { administrationOptions, connectionOptions } from '../opening/client-options.ts'
import { startEmbedded } from '../opening/start-embedded.ts'
import { checkCluster } from './cluster-checks.ts'
import { type Finding, failure, ok, warning } from './finding.ts'
import { checkConnections, checkExternalStore } from './local-checks.ts'
import { checkNamespace } from './namespace-checks.ts'
import { gatherFacts } from './node-facts.ts'
import { checkSet } from './set-checks.ts'
import { checkTransport } from './transport-check.ts'

export interface DiagnoseOptions {
  /** The settings that the store will be opened with. */
  settings?: SettingsInput | undefined
  /** Does what is safe: registers the UDF module, creates the indexes. */
  fix?: boolean | undefined
  /** Ends waiting for the connection, for indexes and for the external store. */
  signal?: AbortSignal | undefined
}

/** One attempt more than a first one: whoever asks what is wrong does not want to wait for a server that is not there. */
const CONNECT_RETRIES = 1

/**
 * Checks the connection and everything that a store needs from its cluster and its machine, without opening a
 * store, so that it also tells why one does not open. Findings come in the order of the checks; what cannot be
 * checked because something before it failed is left out. Throws `INVALID_ARGUMENT` for a wrong URL or setting;
 * everything else is a finding.
 */
export async function diagnose(text: string, options: DiagnoseOptions = {}): Promise<Finding[]> {
  checkCallOptions(options)
  const url = parseStoreUrl(text)
  const settings = resolveSettings(options.settings)
  const external = await checkExternalStore(url, { signal: options.signal })
  if (url.scheme !== 'embedded')
    return [...(await diagnoseCluster(url, url.hosts, settings, options)), external]
  const server = await startEmbedded(url.namespace)
  try {
    // A server that has just begun lacks everything that a store brings: no news to anybody.
    return [...(await diagnoseCluster(url, [server], settings, { ...options, fix: true })), external]
  } finally {
    await server.close()
  }
}

async function diagnoseCluster(
  url: StoreUrl,
  hosts: readonly Host[],
  settings: Settings,
  { fix = false, signal }: DiagnoseOptions,
): Promise<Finding[]> {
  const where = hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
  let client: ClientConnection
  let administration: ClientAdministration
  let leftOut: readonly string[] = []
  try {
    const connection = { ...connectionOptions(url, settings), connectRetries: CONNECT_RETRIES }
    client = await connectClient({
      ...connection,
      hosts,
      signal,
      onHostsLeftOut: event => {
        leftOut = event.hosts
      },
    })
    administration = new ClientAdministration(client, administrationOptions(url, settings))
  } catch (error) {
    return [
      failure('connection', messageOf(error), 'Start the server, or correct host and port of the store URL.'),
    ]
  }
  const findings: Finding[] = [
    leftOut.length === 0
      ? ok('connection', `connected to ${where}`)
      : warning(
          'connection',
          `connected, but ${leftOut.join(', ')} of ${where} did not answer`,
          'Start what should be there, or take it out of the store URL.',
        ),
  ]
  try {
    const nodes = await gatherFacts(administration, url.namespace)
    findings.push(...checkCluster(nodes, Date.now))
    findings.push(...(await checkConnections(url, nodes)))
    const ofNamespace = checkNamespace(nodes, url.namespace, settings)
    findings.push(...ofNamespace)
    const hasNamespace = !ofNamespace.some(({ check, level }) => check === 'namespace' && level === 'failure')
    const { namespace, set } = url
    if (hasNamespace) {
      findings.push(await checkTransport({ url, settings, hosts, client }))
      findings.push(...(await checkSet({ administration, namespace, set, settings, fix, signal })))
    }
  } catch (error) {
    findings.push(
      failure('cluster answers', messageOf(error), 'See the log of the server; then run this again.'),
    )
  } finally {
    await administration.close()
  }
  return findings
}
