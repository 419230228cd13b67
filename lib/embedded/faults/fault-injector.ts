import type { Frame } from '../../protocol/index.ts'
import { type Scheduler, systemScheduler } from '../cluster/scheduler.ts'
import { type FrameSource, type Reply, replyTo } from '../request-handler.ts'
import type { ServerNode } from '../server-node.ts'
import { ActiveRule } from './active-rule.ts'
import type { FaultRule } from './fault-rule.ts'
import { faultyReply } from './faulty-reply.ts'
import { requestFacts } from './request-facts.ts'

export interface FaultInjectorOptions {
  /** A whole number below 2^32. */
  readonly seed: number
  readonly scheduler?: Scheduler
}

/** Makes go wrong what rules say, for all nodes of a server. */
export class FaultInjector {
  readonly #seed: number
  readonly #scheduler: Scheduler
  readonly #rules = new Map<number, ActiveRule>()
  /** The rules in their order, undefined while there are none: then nothing else is looked at. */
  #active: readonly ActiveRule[] | undefined
  #rulesAdded = 0

  constructor({ seed, scheduler = systemScheduler }: FaultInjectorOptions) {
    this.#seed = seed
    this.#scheduler = scheduler
  }

  /** @param rule one that was checked (`checkFaultRule`) @returns the id that the rule has from now on */
  add(rule: FaultRule): number {
    const id = this.#rulesAdded++
    const active = new ActiveRule(rule, (this.#seed + Math.imul(id, 0x9e3779b1)) >>> 0)
    this.#rules.set(id, active)
    this.#active = [...(this.#active ?? []), active]
    return id
  }

  /** Ends a rule, whose hits can still be asked for. */
  remove(id: number): void {
    const active = this.#active?.filter(rule => rule !== this.#rules.get(id)) ?? []
    this.#active = active.length === 0 ? undefined : active
  }

  clear(): void {
    this.#active = undefined
  }

  hits(id: number): number {
    return this.#rules.get(id)?.hits ?? 0
  }

  /** Answers a frame, with what goes wrong on the way. */
  replyTo(position: number, node: ServerNode, frame: Frame, source: FrameSource): Reply {
    if (this.#active === undefined) return replyTo(node, frame)
    const facts = requestFacts(frame)
    const hits = this.#active.flatMap(rule => rule.hit(position, source.number, facts) ?? [])
    if (hits.length === 0) return replyTo(node, frame)
    const execute = (refusals?: ReadonlyMap<number, number>): Reply => replyTo(node, frame, refusals)
    return faultyReply({ position, facts, hits, source, execute, scheduler: this.#scheduler })
  }
}
