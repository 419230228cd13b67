/** A set of nodes: bit n stands for the node at position n. There are at most 16. */
export type NodeSet = number

export const NO_NODES: NodeSet = 0

export function only(position: number): NodeSet {
  return 1 << position
}

export function has(nodes: NodeSet, position: number): boolean {
  return (nodes & (1 << position)) !== 0
}

/** The positions in a set, lowest first. */
export function positionsOf(nodes: NodeSet): number[] {
  const positions: number[] = []
  for (let position = 0; nodes >> position !== 0; position++)
    if (has(nodes, position)) positions.push(position)
  return positions
}

export function setOf(positions: Iterable<number>): NodeSet {
  let nodes = NO_NODES
  for (const position of positions) nodes |= only(position)
  return nodes
}
