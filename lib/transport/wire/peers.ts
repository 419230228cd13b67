import { ProtocolError } from '../../protocol/index.ts'
import type { Address } from './socket.ts'

/** Aerospike makes no larger cluster. */
export const NODES_MAX = 256
/** More than any machine publishes. */
const ADDRESSES_MAX = 256

export interface Peer {
  readonly name: string
  /** Where it can be reached, in the order in which to try. */
  readonly addresses: readonly Address[]
}

const PEER = /\[([^,[\]]+),([^,[\]]*),\[((?:\[[^[\]]*\]|[^[\]])*)\]\]/g

/**
 * The other nodes of a cluster, from an answer to `peers-clear-std` (protocol 2.3):
 * `<generation>,<default port>,[[<name>,<TLS name>,[<host>[:<port>],…]],…]`, IPv6 hosts in brackets.
 *
 * @throws ProtocolError, also for more of them than there can be: each one that is believed costs a socket
 */
export function parsePeers(answer: string): { generation: number; peers: readonly Peer[] } {
  const match = /^(\d{1,10}),(\d{0,5}),\[(.*)\]$/.exec(answer)
  if (match === null) throw new ProtocolError('peers that cannot be read')
  const [, generation = '', defaultPort = '', list = ''] = match
  const peers: Peer[] = []
  for (const [, name = '', , addresses = ''] of list.matchAll(PEER)) {
    if (peers.length === NODES_MAX) throw new ProtocolError(`more than ${NODES_MAX} peers`)
    peers.push({ name, addresses: parseAddresses(addresses, Number(defaultPort)) })
  }
  return { generation: Number(generation), peers }
}

function parseAddresses(list: string, defaultPort: number): readonly Address[] {
  const texts = list.split(',').filter(text => text !== '')
  if (texts.length > ADDRESSES_MAX) throw new ProtocolError(`${texts.length} addresses of a peer`)
  return texts.map(text => parseAddress(text, defaultPort))
}

function parseAddress(text: string, defaultPort: number): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port < 1 || port > 65_535)
    throw new ProtocolError(`the address ${text} of a peer`)
  return { host, port }
}
