import { Connection } from './connection.ts'
import { SendFailure } from './send-failure.ts'
import { type Address, addressText } from './socket.ts'

export interface NodeOptions {
  readonly connectionsMax: number
  readonly connectionsMin: number
  /** Time in milliseconds for opening a connection. */
  readonly connectTimeoutMs: number
  /** Ends all connections, those that are being opened, too. */
  readonly closing?: AbortSignal | undefined
}

/** As the official client: servers drop what idles longer only where they are told to (protocol 1.2). */
const IDLE_MS_MAX = 55_000
const BACK_OFF_MS_MIN = 20
const BACK_OFF_MS_MAX = 1_000

/** A node of the cluster, with the connections that batches take and give back. */
export class WireNode {
  readonly name: string
  readonly address: Address
  readonly #options: NodeOptions
  /** The last one given back is the first one taken, so that what is not needed idles. */
  readonly #idle: Connection[] = []
  readonly #busy = new Set<Connection>()
  #opening = 0
  /** Connections on their way that no batch waits for. */
  #warming = 0
  #isClosed = false
  #backOffMs = 0
  #noAttemptUntilMs = 0

  constructor(name: string, address: Address, options: NodeOptions) {
    this.name = name
    this.address = address
    this.#options = options
  }

  get connections(): { readonly busy: number; readonly idle: number } {
    return { busy: this.#busy.size, idle: this.#idle.length }
  }

  /** A connection of the caller's own until it is given back. @throws SendFailure; nothing was sent */
  async take(timeoutMs: number): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isOpen) continue
      this.#busy.add(idle)
      return idle
    }
    const connection = await this.#open(timeoutMs)
    this.#busy.add(connection)
    return connection
  }

  giveBack(connection: Connection): void {
    this.#busy.delete(connection)
    if (!connection.isOpen) return
    if (this.#isClosed) {
      connection.close()
      return
    }
    connection.idleSinceMs = performance.now()
    this.#idle.push(connection)
  }

  /** Drops what has ended, closes what has idled for too long, and opens what is missing of the least number. */
  tidy(): void {
    const open = this.#idle.splice(0).filter(({ isOpen }) => isOpen)
    this.#idle.push(...open)
    const oldest = performance.now() - IDLE_MS_MAX
    const spare = this.#size + this.#warming - this.#options.connectionsMin
    for (let left = spare; left > 0 && this.#idle[0] !== undefined; left--) {
      if (this.#idle[0].idleSinceMs >= oldest) break
      this.#idle.shift()?.close()
    }
    for (let missing = -spare; missing > 0; missing--) void this.#warm()
  }

  /** Opens a connection for later. It takes no batch's place: one that comes meanwhile opens its own. */
  async #warm(): Promise<void> {
    this.#warming += 1
    try {
      const connection = await this.#connect(this.#options.connectTimeoutMs)
      if (this.#size < this.#options.connectionsMax) this.giveBack(connection)
      else connection.close()
    } catch {
      // The next batch that needs it will say so.
    } finally {
      this.#warming -= 1
    }
  }

  /** Takes no batch any longer; those under way may end as they would. */
  retire(): void {
    this.#isClosed = true
    for (const connection of this.#idle.splice(0)) connection.close()
  }

  /** Ends all connections; batches that wait for answers fail at once instead of at their time's end. */
  close(): void {
    this.retire()
    for (const connection of [...this.#busy]) connection.close()
  }

  get #size(): number {
    return this.#idle.length + this.#busy.size + this.#opening
  }

  /** A connection that a batch waits for. */
  async #open(timeoutMs: number): Promise<Connection> {
    const { connectionsMax } = this.#options
    if (!this.#isClosed && this.#size >= connectionsMax)
      throw new SendFailure('noConnectionFree', `${this.#where}: all ${connectionsMax} connections are taken`)
    this.#opening += 1
    try {
      return await this.#connect(timeoutMs)
    } finally {
      this.#opening -= 1
    }
  }

  async #connect(timeoutMs: number): Promise<Connection> {
    const { connectTimeoutMs, closing } = this.#options
    if (this.#isClosed) throw new SendFailure('notConnected', `${this.#where} has left the cluster`)
    if (performance.now() < this.#noAttemptUntilMs)
      throw new SendFailure('notConnected', `${this.#where} could not be reached ${this.#backOffMs} ms ago`)
    const endsAtMs = performance.now() + timeoutMs
    let connection: Connection
    try {
      connection = await Connection.open(this.address, {
        timeoutMs: Math.min(timeoutMs, connectTimeoutMs),
        closing,
      })
    } catch (error) {
      // A batch that had little time left says nothing of the node.
      if (timeoutMs >= connectTimeoutMs || performance.now() < endsAtMs) this.#backOff()
      throw error
    }
    this.#backOffMs = 0
    if (!this.#isClosed) return connection
    connection.close()
    throw new SendFailure('notConnected', `${this.#where} has left the cluster`)
  }

  get #where(): string {
    return `${this.name} at ${addressText(this.address)}`
  }

  /** A node that cannot be reached is not asked again at once: each attempt would cost its whole time. */
  #backOff(): void {
    const isInForce = performance.now() < this.#noAttemptUntilMs
    if (!isInForce)
      this.#backOffMs = Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, 2 * this.#backOffMs))
    this.#noAttemptUntilMs = performance.now() + this.#backOffMs
  }
}
