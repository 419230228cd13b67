import { Worker } from 'node:worker_threads'
import { StoreError } from '../errors/index.ts'
import { cannotStart } from './cannot-start.ts'
import type { NodeState } from './embedded-node.ts'
import { closedServer, type EmbeddedServerHandle, type NodeAddress, serverHandle } from './handle.ts'
import type { Log } from './log.ts'
import type { ServerCall } from './server-control.ts'
import { type EmbeddedServerStartOptions, type ServerSettings, serverSettings } from './settings.ts'
import type { WorkerInput, WorkerMessage, WorkerRequest } from './worker-messages.ts'

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

/** Who waits for the answer to a request. */
interface Asking {
  readonly resolve: (value: number) => void
  readonly reject: (error: StoreError) => void
}

/** Options of this process that a thread takes as well; Node refuses the ones that are about program text given on the command line. */
function workerOptions(): string[] {
  return process.execArgv.filter(option => !option.startsWith('--input-type'))
}

class ServerThread {
  readonly ready: Promise<EmbeddedServerHandle>
  readonly #worker: Worker
  readonly #settings: ServerSettings
  readonly #exited: Promise<void>
  readonly #states: NodeState[] = []
  /** By the id of the request. */
  readonly #asking = new Map<number, Asking>()
  #requestCount = 0
  #isClosing = false

  constructor(settings: ServerSettings, log: Log | undefined) {
    this.#settings = settings
    const workerData: WorkerInput = { settings, logs: log !== undefined }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      execArgv: workerOptions(),
    })
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
        this.#isClosing = true
        for (const { reject: refuse } of this.#asking.values()) refuse(closedServer())
        this.#asking.clear()
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
            resolve(this.#handle(message.nodes))
            break
          case 'failed':
            reject(cannotStart(this.#settings.host, this.#settings.port, message.error))
            void this.#close()
            break
          case 'state':
            this.#states[message.position] = message.state
            break
          case 'answer':
            this.#answered(message.id)?.resolve(message.value)
            break
          case 'refusal': {
            const { code, message: text } = message.failure
            this.#answered(message.id)?.reject(new StoreError(code, text))
            break
          }
          case 'log':
            log?.(message.level, message.text)
        }
      })
    })
  }

  #handle(nodes: readonly NodeAddress[]): EmbeddedServerHandle {
    return serverHandle({
      namespace: this.#settings.namespaces[0] ?? '',
      nodes,
      states: this.#states,
      exited: this.#exited,
      call: call => this.#ask(call),
      close: () => this.#close(),
    })
  }

  async #ask(call: ServerCall): Promise<number> {
    if (this.#isClosing) throw closedServer()
    const request: WorkerRequest = { id: this.#requestCount++, call }
    return new Promise((resolve, reject) => {
      this.#asking.set(request.id, { resolve, reject })
      this.#worker.postMessage(request)
    })
  }

  #answered(id: number): Asking | undefined {
    const asking = this.#asking.get(id)
    this.#asking.delete(id)
    return asking
  }
}
