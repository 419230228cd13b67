import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { has, type NodeSet, only, positionsOf, setOf } from '../../../lib/embedded/cluster/node-set.ts'
import { PartitionMap } from '../../../lib/embedded/cluster/partition-map.ts'

const PARTITIONS = 4096
const ALL = setOf([0, 1, 2])

function partitionsOf(map: PartitionMap, position: number): number[] {
  return [...Array(PARTITIONS).keys()].filter(partitionId => map.master(partitionId) === position)
}

/** Fills everything there is to fill. @returns the copies that were let go of */
function fillAll(map: PartitionMap): number {
  let leftovers = 0
  for (let partitionId = 0; partitionId < PARTITIONS; partitionId++) {
    for (const position of positionsOf(map.filling(partitionId))) {
      leftovers += map.filled(partitionId, position).leftovers.length
    }
  }
  return leftovers
}

describe('PartitionMap', () => {
  it('begins with complete copies at all owners', () => {
    const map = new PartitionMap(3, 2)
    expect(map.rebalance(ALL, 0)).toEqual({ lostPartitions: 0, leftovers: [] })
    expect([map.fillingCount, map.replicationFactor]).toEqual([0, 2])
    for (const position of [0, 1, 2]) expect(partitionsOf(map, position).length).toBeGreaterThan(1_200)
    for (let partitionId = 0; partitionId < PARTITIONS; partitionId++) {
      const [master, replica] = map.announced(partitionId)
      expect(map.copies(partitionId)).toBe(only(replica ?? -1))
      expect(map.isComplete(partitionId, master ?? -1)).toBe(true)
    }
  })

  it('promotes replicas when a node is lost, and fills new ones', () => {
    const map = new PartitionMap(3, 2)
    map.rebalance(ALL, 0)
    const replicas = partitionsOf(map, 1).map(partitionId => map.announced(partitionId)[1])
    const lost = partitionsOf(map, 1)
    expect(map.rebalance(setOf([0, 2]), 0)).toEqual({ lostPartitions: 0, leftovers: [] })
    expect(lost.map(partitionId => map.master(partitionId))).toEqual(replicas)
    expect(map.fillingCount).toBeGreaterThan(2_000)
    expect(fillAll(map)).toBe(0)
    expect(map.fillingCount).toBe(0)
  })

  it('leaves the master in charge until a node that came back has everything', () => {
    const map = new PartitionMap(3, 2)
    map.rebalance(ALL, 0)
    const own = partitionsOf(map, 1)
    map.rebalance(setOf([0, 2]), 0)
    fillAll(map)
    map.rebalance(ALL, 0)
    const [partitionId = -1] = own
    expect(map.master(partitionId)).not.toBe(1)
    expect(has(map.copies(partitionId), 1)).toBe(true)
    expect(map.isComplete(partitionId, 1)).toBe(false)
    const { masterChanged, leftovers } = map.filled(partitionId, 1)
    expect([masterChanged, map.master(partitionId), leftovers.length]).toEqual([true, 1, 1])
    fillAll(map)
    expect(partitionsOf(map, 1)).toEqual(own)
  })

  it('lets a node go only when others have what it has', () => {
    const map = new PartitionMap(3, 2)
    map.rebalance(ALL, 0)
    const own = partitionsOf(map, 2)
    map.rebalance(ALL, only(2))
    expect(map.isNeeded(2)).toBe(true)
    // Its replicas are complete, so that most of its partitions have a master at once; it stays their copy.
    expect(own.every(partitionId => map.isComplete(partitionId, 2))).toBe(true)
    fillAll(map)
    expect([map.isNeeded(2), partitionsOf(map, 2).length]).toEqual([false, 0])
  })

  it('tells when no complete copy is left, and serves the partition all the same', () => {
    const map = new PartitionMap(3, 2)
    map.rebalance(ALL, 0)
    const { lostPartitions } = map.rebalance(only(0), 0)
    expect(lostPartitions).toBeGreaterThan(1_200)
    expect(partitionsOf(map, 0)).toHaveLength(PARTITIONS)
  })

  it('lets the first of several partial copies be what is left, and the others begin anew', () => {
    const map = new PartitionMap(4, 2)
    map.rebalance(only(3), 0)
    map.rebalance(setOf([0, 1, 2, 3]), 0)
    const partitionId =
      [...Array(PARTITIONS).keys()].find(id => !map.announced(id).slice(1).includes(3)) ?? -1
    const [, first = -1] = map.announced(partitionId)
    const filling = positionsOf(map.filling(partitionId))
    expect(filling).toHaveLength(2)
    const { leftovers } = map.rebalance(setOf([0, 1, 2]), 0)
    expect(map.master(partitionId)).toBe(first)
    const other = filling.find(position => position !== first)
    expect(leftovers.filter(leftover => leftover.partitionId === partitionId)).toEqual([
      { partitionId, position: other },
    ])
    expect(map.filling(partitionId)).toBe(only(other ?? -1))
  })

  it('has no master while there is no node', () => {
    const map = new PartitionMap(2, 2)
    map.rebalance(3, 0)
    map.rebalance(0, 0)
    expect([map.master(7), map.announced(7), map.copies(7)]).toEqual([undefined, [], 0])
    map.rebalance(2, 0)
    expect(map.master(7)).toBe(1)
  })

  type Step =
    | { readonly kind: 'members'; readonly members: NodeSet; readonly leaving: NodeSet }
    | { readonly kind: 'write' }
    | { readonly kind: 'fill'; readonly share: number }

  const nodeCount = 4
  const nodeSets = fc.integer({ min: 0, max: (1 << nodeCount) - 1 })
  const steps = fc.array(
    fc.oneof<fc.Arbitrary<Step>[]>(
      fc.record({ kind: fc.constant('members'), members: nodeSets, leaving: nodeSets }),
      fc.constant({ kind: 'write' }),
      fc.record({ kind: fc.constant('fill'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    ),
    { maxLength: 25 },
  )

  it('the master has every write that was acknowledged while a complete copy remained', () => {
    fc.assert(
      fc.property(steps, script => {
        const model = new Model(nodeCount)
        for (const step of script) {
          if (step.kind === 'write') model.write()
          else if (step.kind === 'fill') model.fill(step.share)
          else model.become(step.members, step.leaving & step.members)
          model.check()
        }
      }),
      { numRuns: 40 },
    )
  })
})

/** What nodes would hold of some partitions if they did what the map says. */
class Model {
  static readonly #SAMPLE = [...Array(40).keys()]
  readonly #map: PartitionMap
  readonly #nodeCount: number
  readonly #held = new Map<string, Set<number>>()
  readonly #acknowledged = new Map<number, Set<number>>()
  #writes = 0

  constructor(nodeCount: number) {
    this.#nodeCount = nodeCount
    this.#map = new PartitionMap(nodeCount, 2)
  }

  write(): void {
    const write = this.#writes++
    for (const partitionId of Model.#SAMPLE) {
      const master = this.#map.master(partitionId)
      if (master === undefined) continue
      for (const position of [master, ...positionsOf(this.#map.copies(partitionId))]) {
        this.#at(partitionId, position).add(write)
      }
      this.#acknowledgedIn(partitionId).add(write)
    }
  }

  fill(share: number): void {
    for (const partitionId of Model.#SAMPLE.slice(0, Math.ceil(share * Model.#SAMPLE.length))) {
      for (const position of positionsOf(this.#map.filling(partitionId))) {
        const master = this.#map.master(partitionId) ?? -1
        for (const write of this.#at(partitionId, master)) this.#at(partitionId, position).add(write)
        this.#empty(this.#map.filled(partitionId, position).leftovers)
      }
    }
  }

  become(members: NodeSet, leaving: NodeSet): void {
    const isLost = Model.#SAMPLE.map(partitionId =>
      [...Array(this.#nodeCount).keys()].every(
        position => !(has(members, position) && this.#map.isComplete(partitionId, position)),
      ),
    )
    const { leftovers } = this.#map.rebalance(members, leaving)
    // Who does not belong has nothing when it comes back.
    for (const partitionId of Model.#SAMPLE) {
      for (let position = 0; position < this.#nodeCount; position++) {
        if (!has(members, position)) this.#at(partitionId, position).clear()
      }
    }
    this.#empty(leftovers)
    for (const [index, partitionId] of Model.#SAMPLE.entries()) {
      if (isLost[index] !== true) continue
      const master = this.#map.master(partitionId)
      this.#acknowledged.set(partitionId, new Set(master === undefined ? [] : this.#at(partitionId, master)))
    }
  }

  check(): void {
    for (const partitionId of Model.#SAMPLE) {
      const acknowledged = [...this.#acknowledgedIn(partitionId)]
      for (let position = 0; position < this.#nodeCount; position++) {
        if (!this.#map.isComplete(partitionId, position)) continue
        expect([...this.#at(partitionId, position)].toSorted((a, b) => a - b)).toEqual(acknowledged)
      }
      const master = this.#map.master(partitionId)
      if (master !== undefined) expect(this.#map.isComplete(partitionId, master)).toBe(true)
    }
  }

  #empty(leftovers: readonly { partitionId: number; position: number }[]): void {
    for (const { partitionId, position } of leftovers) this.#at(partitionId, position).clear()
  }

  #at(partitionId: number, position: number): Set<number> {
    const key = `${partitionId} ${position}`
    const held = this.#held.get(key) ?? new Set()
    this.#held.set(key, held)
    return held
  }

  #acknowledgedIn(partitionId: number): Set<number> {
    const acknowledged = this.#acknowledged.get(partitionId) ?? new Set()
    this.#acknowledged.set(partitionId, acknowledged)
    return acknowledged
  }
}
