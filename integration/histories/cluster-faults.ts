import type { EmbeddedServerHandle, FaultRule, NodeHandle } from 'aerospike-utxo-store/embedded'
import type { Random } from './random.ts'

/** What may go wrong with the nodes of a cluster, one thing after the other. */
const WEIGHTS = {
  kill: 2,
  stop: 1,
  freeze: 2,
  overload: 2,
  slow: 2,
  lateAnswers: 1,
  lostAnswers: 2,
  tornAnswers: 1,
  resetConnections: 1,
  rowsLost: 1,
  rowsInDoubt: 1,
} as const satisfies Record<string, number>

type Disturbance = keyof typeof WEIGHTS

const SHARE = 0.05
const STATUS = { TIMEOUT: 9, DEVICE_OVERLOAD: 18 } as const

/** Faults of requests; each ends when the next disturbance begins. Corrupted answers are left out: nobody could tell. */
const RULES: Readonly<Record<Exclude<Disturbance, 'kill' | 'stop' | 'freeze'>, FaultRule>> = {
  overload: {
    fault: { when: 'before', kind: 'refuse', resultCode: STATUS.DEVICE_OVERLOAD, rows: { probability: 0.3 } },
  },
  slow: { fault: { when: 'before', kind: 'capacity', concurrency: 2, serviceMs: 5 } },
  lateAnswers: {
    match: { requests: { probability: SHARE } },
    fault: { when: 'after', kind: 'delay', ms: 200 },
  },
  lostAnswers: { match: { requests: { probability: SHARE } }, fault: { when: 'after', kind: 'drop' } },
  tornAnswers: {
    match: { requests: { probability: SHARE } },
    fault: { when: 'after', kind: 'truncate', bytes: 21 },
  },
  resetConnections: { match: { requests: { probability: SHARE } }, fault: { when: 'after', kind: 'reset' } },
  rowsLost: {
    match: { kinds: ['batch'], requests: { probability: 0.2 } },
    fault: { when: 'after', kind: 'dropRows', rows: { probability: 0.3 } },
  },
  rowsInDoubt: {
    match: { kinds: ['batch'], requests: { probability: 0.2 } },
    fault: { when: 'after', kind: 'recodeRows', rows: { probability: 0.3 }, resultCode: STATUS.TIMEOUT },
  },
}

/** Breaks something of a cluster, mends it, breaks the next; at most one node is away at a time. */
export class ClusterFaults {
  readonly #server: EmbeddedServerHandle
  readonly #random: Random
  readonly #counts = new Map<string, number>()
  #repairs = 0
  #mend: (() => Promise<void>) | undefined
  #step: Promise<void> = Promise.resolve()
  #isStepping = false
  /** Is told of what is broken and mended. */
  onStep: (text: string) => void = () => {}

  constructor(server: EmbeddedServerHandle, random: Random) {
    this.#server = server
    this.#random = random
  }

  /** How often each disturbance was made. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** How many disturbances were mended. */
  get repairs(): number {
    return this.#repairs
  }

  /** Mends what is broken and breaks the next thing, unless that is still under way. */
  next(): void {
    if (this.#isStepping) return
    this.#isStepping = true
    this.#step = this.#advance().finally(() => {
      this.#isStepping = false
    })
  }

  /** Every node runs, no rule is in force, and every record has its copies. */
  async heal(): Promise<void> {
    await this.#step
    await this.#repair()
    await this.#server.settled()
  }

  async #advance(): Promise<void> {
    await this.#repair()
    await this.#server.settled()
    const disturbance = this.#random.weighted(WEIGHTS)
    this.#counts.set(disturbance, (this.#counts.get(disturbance) ?? 0) + 1)
    this.#mend = await this.#disturb(disturbance)
  }

  async #repair(): Promise<void> {
    const mend = this.#mend
    this.#mend = undefined
    if (mend === undefined) return
    this.onStep('is being mended')
    await mend()
    this.#repairs += 1
    this.onStep('is mended')
  }

  /** Returns what mends it. */
  async #disturb(disturbance: Disturbance): Promise<() => Promise<void>> {
    const node = this.#random.pick<NodeHandle>(this.#server.nodes)
    this.onStep(`${disturbance}, node ${node.name} if it is about one`)
    switch (disturbance) {
      case 'kill':
        await node.kill()
        return () => node.start()
      case 'stop':
        await node.stop()
        return () => node.start()
      case 'freeze':
        await node.freeze()
        return () => node.resume()
      default: {
        const rule = await this.#server.faults.add(RULES[disturbance])
        return () => rule.remove()
      }
    }
  }
}
