/**
 * An in-process server that speaks Aerospike’s wire protocol, for development and tests.
 *
 * @module aerospike-utxo-store/embedded
 */

export type { NodeState } from './embedded-node.ts'
export type {
  Fault,
  FaultAfter,
  FaultBefore,
  FaultRule,
  RequestKind,
  RequestMatch,
  RowSelection,
  Selection,
} from './faults/fault-rule.ts'
export type { EmbeddedServerHandle, FaultHandle, Faults, NodeHandle } from './handle.ts'
export type { Log, LogLevel } from './log.ts'
export { serveEmbedded } from './serve.ts'
export type { EmbeddedServerStartOptions } from './settings.ts'
export { startEmbeddedServer } from './start.ts'
