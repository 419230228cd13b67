import { InvalidArgumentError, StoreError } from '../errors/index.ts'
import type { NodeState } from './embedded-node.ts'
import { checkFaultRule } from './faults/check-fault-rule.ts'
import type { FaultRule } from './faults/fault-rule.ts'
import type { NodeChange, ServerCall } from './server-control.ts'

/**
 * One node of a running server. Its methods reject with a StoreError (SERVICE_UNAVAILABLE) after the server was
 * closed, and when the node cannot do it in its state; what it already is, it need not become: `kill` on a node
 * that is down does nothing.
 */
export interface NodeHandle {
  /** As in the info command `node`; the same in all its lives. */
  readonly name: string
  readonly host: string
  /** The same in all its lives. */
  readonly port: number
  readonly state: NodeState
  /** Starts a node that is down, without records: it gets its share from the others, then takes over its part. */
  start(): Promise<void>
  /** Stops it cleanly: it first hands over what only it has. */
  stop(): Promise<void>
  /**
   * Kills it: its connections are reset and its records are gone. The others notice after `failureDetectionMs`,
   * go on with their copies, and make new ones. No acknowledged write is lost unless a second node fails before
   * that is done (`settled`).
   */
  kill(): Promise<void>
  /**
   * Freezes it, as SIGSTOP does with a process: its port stays open, nothing is read, executed or answered. The
   * others expel it after `failureDetectionMs`.
   */
  freeze(): Promise<void>
  /**
   * Lets a frozen node go on. One that was expelled meanwhile knows before it executes anything: it has forgotten
   * its records, joins anew, and what waited in its sockets is executed by the nodes that own it now. So it never
   * acknowledges a write alone.
   */
  resume(): Promise<void>
}

/** A rule of fault injection that was added. */
export interface FaultHandle {
  /** How many requests it hit so far. */
  hits(): Promise<number>
  /** Ends it; requests that it hit already are not spared. */
  remove(): Promise<void>
}

/** Fault injection, for tests. */
export interface Faults {
  /**
   * Makes go wrong what a rule says, from the next request on.
   *
   * @throws InvalidArgumentError naming the member of the rule that makes no sense
   */
  add(rule: FaultRule): Promise<FaultHandle>
  /** Ends all rules. */
  clear(): Promise<void>
}

/** A running embedded server. */
export interface EmbeddedServerHandle extends AsyncDisposable {
  readonly host: string
  /** The port the first node listens on, also when it was chosen by the system. */
  readonly port: number
  /** `aerospike://HOST:PORT,…/NAMESPACE`, with the addresses of all nodes and the first namespace. */
  readonly url: string
  /** The nodes of the cluster, at least one. */
  readonly nodes: readonly NodeHandle[]
  readonly faults: Faults
  /**
   * Resolves when every node that failed was noticed, and every record has its copies where they belong: from
   * then on the failure of one more node loses nothing.
   */
  settled(): Promise<void>
  /**
   * Settles when the server has stopped: resolves after `close`, rejects with a StoreError
   * (SERVICE_UNAVAILABLE) when its thread ended by itself. Nobody has to listen to it.
   */
  readonly exited: Promise<void>
  /** Stops the server; its records are gone. Resolves when nothing of it is left. May be called again. */
  close(): Promise<void>
}

/** A node as the one who made its server knows it. */
export interface NodeAddress {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface HandleParts {
  readonly namespace: string
  readonly nodes: readonly NodeAddress[]
  /** The present state of each node. */
  readonly states: readonly NodeState[]
  readonly exited: Promise<void>
  /** Asks the server for something; rejects with a StoreError. */
  readonly call: (call: ServerCall) => Promise<number>
  readonly close: () => Promise<void>
}

/** The handle of a server, wherever it runs. */
export function serverHandle({
  namespace,
  nodes,
  states,
  exited,
  call,
  close,
}: HandleParts): EmbeddedServerHandle {
  const [first] = nodes
  if (first === undefined) throw new InvalidArgumentError('nodes', 'at least one', 0)
  const ask = async (request: ServerCall): Promise<void> => {
    await call(request)
  }
  const nodeHandle = (address: NodeAddress, position: number): NodeHandle => {
    const change = (name: NodeChange) => () => ask({ kind: 'node', position, change: name })
    return {
      ...address,
      get state() {
        return states[position] ?? 'down'
      },
      start: change('start'),
      stop: change('stop'),
      kill: change('kill'),
      freeze: change('freeze'),
      resume: change('resume'),
    }
  }
  return {
    host: first.host,
    port: first.port,
    url: serverUrl(nodes, namespace),
    nodes: nodes.map(nodeHandle),
    faults: {
      async add(rule) {
        checkFaultRule(rule, nodes.length)
        const id = await call({ kind: 'addFault', rule })
        return {
          hits: () => call({ kind: 'faultHits', id }),
          remove: () => ask({ kind: 'removeFault', id }),
        }
      },
      clear: () => ask({ kind: 'clearFaults' }),
    },
    settled: () => ask({ kind: 'settled' }),
    exited,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The addresses of nodes as a store takes them. */
export function serverUrl(nodes: readonly { host: string; port: number }[], namespace: string): string {
  const addresses = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  return `aerospike://${addresses.join()}/${namespace}`
}

export function closedServer(): StoreError {
  return new StoreError('SERVICE_UNAVAILABLE', 'the embedded server is closed')
}
