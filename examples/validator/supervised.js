// A process that is started again when it was killed. What it tells comes as events.
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Emits `step` for each thing that it tells, `done`, and `failed` when it ends in another way than by a kill. */
export class SupervisedProcess extends EventEmitter {
  /** Address where it serves, while it does. @type {string | undefined} */
  address
  isDone = false
  kills = 0
  #file
  #settings
  /** @type {import('node:child_process').ChildProcess} */
  #child
  #isStopping = false

  /**
   * @param {string} file
   * @param {import('./settings.js').Settings} [settings]
   */
  constructor(file, settings) {
    super()
    this.#file = fileURLToPath(new URL(file, import.meta.url))
    this.#settings = JSON.stringify(settings ?? {})
    this.#child = this.#start()
  }

  /** As a crash: nothing is closed and nothing written. Resolves when it has been started again. */
  async kill() {
    this.kills += 1
    const child = this.#child
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async stop() {
    this.#isStopping = true
    const ended = once(this.#child, 'exit')
    this.#child.send('stop')
    const [code] = await ended
    if (code !== 0) throw new Error(`${this.#file} ended with ${code}`)
  }

  /** Whatever it is doing. */
  abandon() {
    this.#isStopping = true
    this.#child.kill('SIGKILL')
  }

  #start() {
    const child = fork(this.#file, [this.#settings])
    child.on('message', message => this.#hear(/** @type {Record<string, any>} */ (message)))
    child.once('exit', (code, signal) => {
      this.address = undefined
      this.isDone = false
      if (this.#isStopping) return
      if (signal === 'SIGKILL') this.#child = this.#start()
      else this.emit('failed', new Error(`${this.#file} ended with ${signal ?? code}`))
    })
    return child
  }

  /** @param {Record<string, any>} message */
  #hear({ ready, done }) {
    if (ready !== undefined) this.address = ready
    if (done !== undefined) this.isDone = true
    this.emit('step')
  }
}
