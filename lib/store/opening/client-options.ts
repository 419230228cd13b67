import type { Settings, StoreUrl, WantedTransport } from '../../settings/index.ts'
import type {
  ClientAdministrationOptions,
  ClientQueriesOptions,
  ClientTransportOptions,
  ConnectionOptions,
} from '../../transport/client/index.ts'
import { ConnectionPermits, type OverloadRetryOptions, permitCount } from '../../transport/index.ts'
import type { ClusterOptions, WireTransportOptions } from '../../transport/wire/index.ts'

/** What URL and settings say to each part of the way to the server: the one place where settings meet their names. */

export function connectionOptions(url: StoreUrl, settings: Settings): Omit<ConnectionOptions, 'hosts'> {
  return {
    connectionsMax: url.connectionsMax,
    connectionsMin: url.connectionsMin,
    connectTimeoutMs: settings.connectTimeout,
    connectRetries: settings.connectRetries,
  }
}

/** What the URL says comes before the setting. */
export function wantedTransport(url: StoreUrl, settings: Settings): WantedTransport {
  return url.transport ?? settings.transport
}

export function clusterOptions(url: StoreUrl, settings: Settings): Omit<ClusterOptions, 'hosts'> {
  return {
    namespace: url.namespace,
    connectionsMax: url.connectionsMax,
    connectionsMin: url.connectionsMin,
    connectTimeoutMs: settings.connectTimeout,
  }
}

export function administrationOptions(url: StoreUrl, settings: Settings): ClientAdministrationOptions {
  return { namespace: url.namespace, set: url.set, timeoutMs: settings.dbTimeoutDuration }
}

export function transportOptions(url: StoreUrl, settings: Settings): Omit<ClientTransportOptions, 'permits'> {
  return {
    namespace: url.namespace,
    socketTimeoutMs: settings.batchPolicySocketTimeout,
    maxRetries: settings.batchPolicyMaxRetries,
  }
}

export function wireTransportOptions(
  url: StoreUrl,
  settings: Settings,
): Omit<WireTransportOptions, 'permits'> {
  return { ...transportOptions(url, settings), pauseMsMax: settings.batchPolicySleepBetweenRetries }
}

export function queriesOptions(url: StoreUrl, settings: Settings): ClientQueriesOptions {
  return {
    namespace: url.namespace,
    set: url.set,
    totalTimeoutMs: settings.queryPolicyTotalTimeout,
    socketTimeoutMs: settings.queryPolicySocketTimeout,
    maxRetries: settings.queryPolicyMaxRetries,
  }
}

export function overloadRetryOptions(
  settings: Settings,
): Pick<OverloadRetryOptions, 'maxElapsedMs' | 'baseDelayMs' | 'maxDelayMs'> {
  return {
    maxElapsedMs: settings.overloadRetryMaxElapsed,
    baseDelayMs: settings.overloadRetryBase,
    maxDelayMs: settings.overloadRetryMax,
  }
}

/** As many batches in flight as there are connections, times the multiplier; undefined for no limit (semantics 6.1). */
export function connectionPermits(url: StoreUrl, settings: Settings): ConnectionPermits | undefined {
  const count = permitCount(url.connectionsMax, settings.semaphoreMultiplier)
  return count === undefined ? undefined : new ConnectionPermits(count)
}
