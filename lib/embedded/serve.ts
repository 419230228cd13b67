import { cannotStart, type EmbeddedServerHandle, serverUrl } from './handle.ts'
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
  const { host, namespaces } = settings
  const server = await startInThread(settings, options.log).catch(cause => {
    throw cannotStart(host, settings.port, cause)
  })
  let resolveExited: () => void
  const exited = new Promise<void>(resolve => {
    resolveExited = resolve
  })
  const close = async (): Promise<void> => {
    await server.close()
    resolveExited()
  }
  return {
    host,
    port: server.port,
    url: serverUrl(host, server.port, namespaces[0] ?? ''),
    exited,
    close,
    [Symbol.asyncDispose]: close,
  }
}
