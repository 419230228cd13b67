import type { Clock } from './clock.ts'
import type { ClusterView } from './cluster/cluster-view.ts'
import type { Log } from './log.ts'
import type { JobRegistry } from './queries/job-registry.ts'
import type { ServiceConfig } from './service-config.ts'
import type { ServiceStatistics } from './service-statistics.ts'
import type { Namespace } from './storage/namespace.ts'
import type { UdfRuntime } from './udf-registry.ts'

/** What a node of the embedded server is: commands and info answers are made of it. */
export interface ServerNode {
  /** Upper-case hex, the same for the life of the server and different for every server (protocol 2.3). */
  readonly name: string
  readonly clusterName: string | undefined
  /** Where clients reach it. */
  readonly host: string
  readonly port: number
  readonly cluster: ClusterView
  readonly namespaces: ReadonlyMap<string, Namespace>
  readonly udf: UdfRuntime
  readonly config: ServiceConfig
  readonly statistics: ServiceStatistics
  readonly clock: Clock
  readonly startedAtMs: number
  /** The queries that run here, and the last that ended. */
  readonly jobs: JobRegistry
  readonly log: Log
}
