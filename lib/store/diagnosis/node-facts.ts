import type { Administration } from '../../transport/index.ts'

/** `name=value` pairs of an info answer. */
export type InfoPairs = ReadonlyMap<string, string>

/** What one node says of itself. */
export interface NodeFacts {
  readonly node: string
  readonly build: string
  readonly edition: string
  readonly statistics: InfoPairs
  readonly service: InfoPairs
  readonly namespace: InfoPairs
}

/** Asks every node. A node that stops answering in between has empty facts, which the checks then report. */
export async function gatherFacts(administration: Administration, namespace: string): Promise<NodeFacts[]> {
  const ask = async (command: string): Promise<ReadonlyMap<string, string>> => {
    const answers = await administration.infoOfNodes(command)
    return new Map(answers.map(({ node, answer }) => [node, answer]))
  }
  const build = await ask('build')
  const edition = await ask('edition')
  const statistics = await ask('statistics')
  const service = await ask('get-config:context=service')
  const settings = await ask(`namespace/${namespace}`)
  return [...build.keys()].map(node => ({
    node,
    build: build.get(node) ?? '',
    edition: edition.get(node) ?? '',
    statistics: parsePairs(statistics.get(node)),
    service: parsePairs(service.get(node)),
    namespace: parsePairs(settings.get(node)),
  }))
}

export function parsePairs(answer = ''): InfoPairs {
  return new Map(
    answer
      .split(';')
      .filter(pair => pair.includes('='))
      .map(pair => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
  )
}

/** A number that a node tells, or undefined where it tells none. */
export function numberOf(pairs: InfoPairs, name: string): number | undefined {
  const text = pairs.get(name)
  const value = Number(text)
  return text === undefined || text === '' || Number.isNaN(value) ? undefined : value
}

/** The distinct values that the nodes tell. */
export function valuesOf(
  nodes: readonly NodeFacts[],
  read: (node: NodeFacts) => string | undefined,
): string[] {
  return [...new Set(nodes.map(node => read(node) ?? 'not told'))].sort()
}
