import { type ErrorCode, messageOf, StoreError } from '../errors/index.ts'
import type { FaultRule } from './faults/fault-rule.ts'
import type { EmbeddedServer } from './server.ts'

/** Changes of a node that can be asked for. */
export type NodeChange = 'start' | 'stop' | 'kill' | 'freeze' | 'resume'

/** What can be asked of a running server, as data: it may run on another thread. */
export type ServerCall =
  | { readonly kind: 'node'; readonly position: number; readonly change: NodeChange }
  | { readonly kind: 'settled' }
  | { readonly kind: 'addFault'; readonly rule: FaultRule }
  | { readonly kind: 'removeFault'; readonly id: number }
  | { readonly kind: 'faultHits'; readonly id: number }
  | { readonly kind: 'clearFaults' }

/** An error as it travels between threads, which keep no classes. */
export interface CallFailure {
  readonly code: ErrorCode
  readonly message: string
}

/** Does what is asked for. @returns the id of a fault that was added, the hits of one, otherwise 0 */
export async function callServer(server: EmbeddedServer, call: ServerCall): Promise<number> {
  switch (call.kind) {
    case 'node':
      await server.nodes[call.position]?.[call.change]()
      return 0
    case 'settled':
      await server.settled()
      return 0
    case 'addFault':
      return server.faults.add(call.rule)
    case 'removeFault':
      server.faults.remove(call.id)
      return 0
    case 'faultHits':
      return server.faults.hits(call.id)
    case 'clearFaults':
      server.faults.clear()
      return 0
  }
}

export function callFailure(error: unknown): CallFailure {
  return { code: error instanceof StoreError ? error.code : 'UNKNOWN', message: messageOf(error) }
}
