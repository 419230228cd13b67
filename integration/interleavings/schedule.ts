import type { UtxoStore } from 'aerospike-utxo-store'
import type { Random } from '../histories/random.ts'
import type { GatedNetwork, HeldRow } from './gated-network.ts'

/**
 * What may go wrong once in a schedule: a store dies, the answer to a change is lost, or the change itself comes to the
 * server later than its store waits for it.
 */
export const FAULTS = ['none', 'death', 'lost answer', 'late change'] as const
export type Fault = (typeof FAULTS)[number]

/** How one call of a store ended. */
export interface CallEnd {
  readonly actor: string
  /** Method and transaction, as in `spend X`. */
  readonly name: string
  /** Undefined where it succeeded. */
  readonly error: (Error & { readonly code?: string }) | undefined
  readonly value: unknown
  /** Nobody hears of what a store that has died answers. */
  readonly isHeard: boolean
}

export type Call = <Value>(name: string, answer: Promise<Value>) => Promise<Value | undefined>

/** What one store does while the others do theirs. */
export type Script = (store: UtxoStore, call: Call) => Promise<unknown>

export interface Actor {
  readonly network: GatedNetwork
  readonly store: UtxoStore
  readonly script: Script
}

export interface ScheduleOptions {
  readonly actors: readonly Actor[]
  readonly random: Random
  readonly fault: Fault
}

export interface PlayedSchedule {
  /** Every step, in order. */
  readonly trace: readonly string[]
  readonly ends: readonly CallEnd[]
  readonly hadFault: boolean
  /** Stores whose calls did not end although nothing was held. */
  readonly stuck: readonly string[]
}

/** A chance for each step that could go wrong, as long as nothing has. */
const FAULT_CHANCE = 0.06
/** A store that does nothing for so long, with nothing held, waits for what never comes. */
const STUCK_MS = 10_000
/** Turns of the event loop in which everything that a store sends at once comes to the gate. */
const ARRIVAL_TURNS = 6

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Runs the scripts of stores against each other: which row reaches the server next is decided here, one at a time. */
export class Schedule {
  readonly #options: ScheduleOptions
  readonly #trace: string[] = []
  readonly #ends: CallEnd[] = []
  readonly #ended = new Set<GatedNetwork>()
  /** Changes that were given up, and may come to the server all the same. */
  readonly #overtaken = new Map<string, () => Promise<void>>()
  /** Some schedules stay with one store for long, others hardly. */
  readonly #constancy: number
  #last: GatedNetwork | undefined
  #hadFault = false

  private constructor(options: ScheduleOptions) {
    this.#options = options
    this.#constancy = options.random.next()
  }

  static async play(options: ScheduleOptions): Promise<PlayedSchedule> {
    return new Schedule(options).#play()
  }

  async #play(): Promise<PlayedSchedule> {
    const { actors } = this.#options
    for (const { network } of actors) network.gate()
    const scripts = actors.map(actor => this.#begin(actor))
    for (const { network } of actors) await this.#arrived(network)
    let stuck = this.#stuck()
    while (stuck.length === 0 && (await this.#step())) stuck = this.#stuck()
    for (const { network } of actors) network.open()
    if (stuck.length === 0) await Promise.all(scripts)
    return { trace: this.#trace, ends: this.#ends, hadFault: this.#hadFault, stuck }
  }

  async #begin({ network, store, script }: Actor): Promise<void> {
    const call: Call = async (name, answer) => {
      const end = (value: unknown, error: CallEnd['error']) => {
        this.#trace.push(
          `  ${network.name}: ${name} ${error === undefined ? 'ok' : (error.code ?? error.message)}`,
        )
        this.#ends.push({ actor: network.name, name, value, error, isHeard: !network.isDead })
      }
      try {
        const value = await answer
        end(value, undefined)
        return value
      } catch (error) {
        end(undefined, error as Error)
        return undefined
      }
    }
    await script(store, call)
    this.#ended.add(network)
  }

  /** Lets one row go; false where none is left. */
  async #step(): Promise<boolean> {
    const { random, actors } = this.#options
    const rows = actors.flatMap(({ network }) => [...network.held])
    const late = [...this.#overtaken.keys()]
    if (rows.length + late.length === 0) return false
    const staying = rows.filter(({ network }) => network === this.#last)
    if (staying.length > 0 && random.chance(this.#constancy)) await this.#letGo(random.pick(staying))
    else {
      const chosen = random.pick([...rows, ...late])
      if (typeof chosen === 'string') await this.#sendOvertaken(chosen)
      else await this.#letGo(chosen)
    }
    return true
  }

  async #letGo(held: HeldRow): Promise<void> {
    const { random, fault } = this.#options
    const { network } = held
    this.#last = network
    const isFaulty =
      !this.#hadFault &&
      fault !== 'none' &&
      (fault === 'death' || held.row.kind !== 'read') &&
      random.chance(FAULT_CHANCE)
    this.#trace.push(isFaulty ? `${held.label} (${fault})` : held.label)
    if (isFaulty) {
      this.#hadFault = true
      await this.#fail(held)
    } else await held.deliver()
    await this.#arrived(network)
  }

  async #fail(held: HeldRow): Promise<void> {
    const { fault } = this.#options
    if (fault === 'death') held.network.die()
    else if (fault === 'lost answer') await held.deliverUnheard()
    else this.#overtaken.set(held.label, held.overtake())
  }

  async #sendOvertaken(label: string): Promise<void> {
    this.#trace.push(`${label} (comes late)`)
    await this.#overtaken.get(label)?.()
    this.#overtaken.delete(label)
  }

  /** A store has sent what it sends next, or has ended. */
  async #arrived(network: GatedNetwork): Promise<void> {
    const beganMs = performance.now()
    while (!this.#isAtRest(network) && performance.now() - beganMs < STUCK_MS) await turn()
    for (let count = 0; count < ARRIVAL_TURNS; count++) await turn()
  }

  #isAtRest(network: GatedNetwork): boolean {
    return network.held.size > 0 || this.#ended.has(network)
  }

  #stuck(): string[] {
    const networks = this.#options.actors.map(({ network }) => network)
    return networks.filter(network => !this.#isAtRest(network)).map(({ name }) => name)
  }
}
