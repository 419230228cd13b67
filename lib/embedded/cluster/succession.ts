import { PARTITION_COUNT } from '../../protocol/index.ts'

/**
 * For each partition the order in which nodes become its owners, by rendezvous hashing: every node has a score
 * for every partition, the highest comes first. A node that comes or goes moves no partition between two others.
 *
 * Nodes count by their position and not by their name, so that the same cluster has the same map in every run.
 *
 * @returns for each partition all positions, 0 to nodeCount - 1
 */
export function successionLists(nodeCount: number): readonly (readonly number[])[] {
  const positions = Array.from({ length: nodeCount }, (_, position) => position)
  return Array.from({ length: PARTITION_COUNT }, (_, partitionId) => {
    const scores = positions.map(position => score(position, partitionId))
    return positions.toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
  })
}

/** 32 well-mixed bits (the finaliser of MurmurHash3). */
function score(position: number, partitionId: number): number {
  let bits = Math.imul(position * PARTITION_COUNT + partitionId + 1, 0x9e3779b1)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
