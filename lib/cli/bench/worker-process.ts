import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { StoreError } from '../../errors/index.ts'
import { UsageError } from '../failure.ts'
import type { Exchanges, FromWorker, RequestName, ToWorker, WorkerFailure } from './messages.ts'

const ENTRY = fileURLToPath(new URL('./worker/main.js', import.meta.url))
/** Node's exit code for options that it does not know. */
const BAD_OPTIONS = 9
/** A process that hangs in native code is killed after so long. */
const CLOSE_MS_MAX = 10_000

interface Waiting {
  readonly name: RequestName
  resolve(answer: unknown): void
  reject(error: Error): void
}

/** A process of its own that measures one subject, as a validator has a process with one transport. */
export class WorkerProcess {
  readonly #id: string
  readonly #nodeOptions: readonly string[]
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #waiting: Waiting | undefined

  /** @param nodeOptions of the process, besides those of NODE_OPTIONS */
  constructor(id: string, nodeOptions: readonly string[]) {
    this.#id = id
    this.#nodeOptions = nodeOptions
    this.#child = fork(ENTRY, {
      // In a group of its own: Ctrl+C reaches this process, which ends it after its last use.
      detached: true,
      execArgv: [...nodeOptions],
      serialization: 'advanced',
      // Standard output is for the report.
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.#child.on('message', message => this.#settle(message as FromWorker))
    const told = (): void => this.#waiting?.reject(this.#endError(this.#waiting.name))
    this.#ended = once(this.#child, 'exit').then(told, told)
  }

  /**
   * Asks, and waits for the answer; one request at a time. Throws what is thrown there, and `PROCESSING` when the
   * process ends instead.
   */
  request<Name extends RequestName>(
    name: Name,
    body: Exchanges[Name]['body'],
  ): Promise<Exchanges[Name]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded()) return reject(this.#endError(name))
      this.#waiting = { name, resolve: answer => resolve(answer as Exchanges[Name]['answer']), reject }
      // The compiler does not see that name and body are of one request.
      this.#send({ name, body } as ToWorker)
    })
  }

  /** Ends what is measured, so that the request under way is answered soon. */
  stop(): void {
    this.#send({ name: 'stop' })
  }

  /** Closes the subject, where it answers in time, and ends the process in any case. */
  async close(): Promise<void> {
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS_MAX)
    // One that cannot close its subject is ended all the same.
    await this.request('close', null).catch(() => {})
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended
    clearTimeout(kill)
  }

  /** One that has gone is told by its exit, not by the failure of a message to it. */
  #send(message: ToWorker): void {
    this.#child.send(message, () => {})
  }

  #settle(message: FromWorker): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if ('failure' in message) waiting?.reject(errorOf(message.failure))
    else waiting?.resolve(message.answer)
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #endError(name: RequestName): Error {
    const { exitCode, signalCode } = this.#child
    if (name === 'open' && exitCode === BAD_OPTIONS)
      return new UsageError(`--node-options ${this.#nodeOptions.join(' ')} are not accepted by node.`)
    const how = signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`
    return new StoreError(
      'PROCESSING',
      `the process that measures ${this.#id} ended ${how}, asked to ${name}`,
    )
  }
}

function errorOf({ code, message }: WorkerFailure): Error {
  return code === null ? new Error(message) : new StoreError(code, message)
}
