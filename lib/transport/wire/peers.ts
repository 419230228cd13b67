import { ProtocolError } from '../../protocol/index.ts'
import type { Address } from './socket.ts'

export interface Peer {
  readonly name: string
  /** Where it can be reached, in the order in which to try. */
  readonly addresses: readonly Address[]
}

/**
 * The other nodes of a cluster, from an answer to `peers-clear-std` (protocol 2.3):
 * `<generation>,<default port>,[[<name>,<TLS name>,[<host>[:<port>],…]],…]`, IPv6 hosts in brackets.
 *
 * @throws ProtocolError
 */
export function parsePeers(answer: string): { generation: number; peers: readonly Peer[] } {
  const match = /^(\d{1,10}),(\d{0,5}),\[(.*)\]$/.exec(answer)
  if (match === null) throw new ProtocolError('peers that cannot be read')
  const [, generation = '', defaultPort = '', list = ''] = match
  const peers = [...list.matchAll(/\[([^,[\]]+),([^,[\]]*),\[((?:\[[^[\]]*\]|[^[\]])*)\]\]/g)].map(
    ([, name = '', , addresses = '']) => ({
      name,
      addresses: addresses
        .split(',')
        .filter(text => text !== '')
        .map(text => parseAddress(text, Number(defaultPort))),
    }),
  )
  return { generation: Number(generation), peers }
}

function parseAddress(text: string, defaultPort: number): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port < 1 || port > 65_535)
    throw new ProtocolError(`the address ${text} of a peer`)
  return { host, port }
}
