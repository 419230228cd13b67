import { Worker } from 'node:worker_threads'
import { StoreError } from '../errors/index.ts'
import { cannotStart, type EmbeddedServerHandle, serverUrl } from './handle.ts'
import type { Log } from './log.ts'
import { type EmbeddedServerStartOptions, type ServerSettings, serverSettings } from './settings.ts'
import type { WorkerInput, WorkerMessage } from './worker-messages.ts'

/**
 * Starts an embedded server: in this process, in memory, for development and tests.
 *
 * It runs on a thread of its own. The official client blocks the event loop while it connects, so a server on
 * the caller's thread could never answer it. The process stays alive until the server is closed.
 *
 * @throws InvalidArgumentError for an option that makes no sense
 * @throws StoreError SERVICE_UNAVAILABLE when it cannot listen, with the error of the socket as cause
 */
export async function startEmbeddedServer(
  options: EmbeddedServerStartOptions = {},
): Promise<EmbeddedServerHandle> {
  const settings = serverSettings(options)
  const thread = new ServerThread(settings, options.log)
  return thread.ready
}

class ServerThread {
  readonly ready: Promise<EmbeddedServerHandle>
  readonly #worker: Worker
  readonly #settings: ServerSettings
  readonly #exited: Promise<void>
  #isClosing = false

  constructor(settings: ServerSettings, log: Log | undefined) {
    this.#settings = settings
    const workerData: WorkerInput = { settings, logs: log !== undefined }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData })
    this.#exited = this.#watchExit()
    this.ready = this.#watchStart(log)
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    await this.#worker.terminate()
  }

  /** Settles with the thread. An error that ended it is the cause of the rejection. */
  #watchExit(): Promise<void> {
    let cause: unknown
    this.#worker.on('error', error => {
      cause = error
    })
    const exited = new Promise<void>((resolve, reject) => {
      this.#worker.once('exit', code => {
        if (this.#isClosing) resolve()
        else
          reject(new StoreError('SERVICE_UNAVAILABLE', `embedded server ended with code ${code}`, { cause }))
      })
    })
    // Observed here, so that a caller who does not listen gets no unhandled rejection.
    exited.catch(() => {})
    return exited
  }

  #watchStart(log: Log | undefined): Promise<EmbeddedServerHandle> {
    return new Promise((resolve, reject) => {
      this.#exited.catch(reject)
      this.#worker.on('message', (message: WorkerMessage) => {
        switch (message.kind) {
          case 'ready':
            resolve(this.#handle(message.port))
            break
          case 'failed':
            reject(cannotStart(this.#settings.host, this.#settings.port, message.error))
            void this.#close()
            break
          case 'log':
            log?.(message.level, message.text)
        }
      })
    })
  }

  #handle(port: number): EmbeddedServerHandle {
    const { host, namespaces } = this.#settings
    const close = () => this.#close()
    return {
      host,
      port,
      url: serverUrl(host, port, namespaces[0] ?? ''),
      exited: this.#exited,
      close,
      [Symbol.asyncDispose]: close,
    }
  }
}
