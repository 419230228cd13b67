import { cannotStart } from './cannot-start.ts'
import type { NodeState } from './embedded-node.ts'
import { closedServer, type EmbeddedServerHandle, serverHandle } from './handle.ts'
import { callServer } from './server-control.ts'
import { type EmbeddedServerStartOptions, serverSettings } from './settings.ts'
import { startInThread } from './start-in-thread.ts'

/**
 * Starts an embedded server on the calling thread: for a process that does nothing else. An official client
 * in the same process could not connect to it (see startEmbeddedServer).
 *
 * @throws InvalidArgumentError for an option that makes no sense
 * @throws StoreError SERVICE_UNAVAILABLE when it cannot listen, with the error of the socket as cause
 */
export async function serveEmbedded(options: EmbeddedServerStartOptions = {}): Promise<EmbeddedServerHandle> {
  const settings = serverSettings(options)
  const { host, port, namespaces } = settings
  const states: NodeState[] = []
  const onState = (position: number, state: NodeState): void => {
    states[position] = state
  }
  const server = await startInThread(settings, { log: options.log, onState }).catch(cause => {
    throw cannotStart(host, port, cause)
  })
  let resolveExited: () => void
  const exited = new Promise<void>(resolve => {
    resolveExited = resolve
  })
  let isClosed = false
  return serverHandle({
    namespace: namespaces[0] ?? '',
    nodes: server.nodes.map(node => ({ name: node.name, host: node.host, port: node.port })),
    states,
    exited,
    call: async call => {
      if (isClosed) throw closedServer()
      return callServer(server, call)
    },
    close: async () => {
      isClosed = true
      await server.close()
      resolveExited()
    },
  })
}
