import { StoreError } from '../../errors/index.ts'
import { InfoConnection } from './info-connection.ts'
import { type Address, addressText, type SocketOptions } from './socket.ts'

/** A node that answers, and the connection on which it does. */
export interface GreetedNode {
  readonly info: InfoConnection
  readonly name: string
  readonly build: string
}

/** What a node says that is not part of a cluster yet (protocol 2.3). */
const NOT_READY = new Set(['-1', '4294967295'])
/** What it answers instead of anything else where it wants a login first: status 80, "not authenticated". */
const WANTS_LOGIN = /^ERROR:80\b/

/**
 * Asks what answers at an address who it is.
 *
 * @throws StoreError `STORAGE_UNAVAILABLE` where that is no node that can be asked for anything, and says why;
 *   SendFailure where it does not answer, or answers in TLS
 */
export async function greetNode(address: Address, options: SocketOptions): Promise<GreetedNode> {
  const info = await InfoConnection.open(address, options)
  try {
    const [name = '', build = '', generation = ''] = await info.ask(
      ['node', 'build', 'partition-generation'],
      options.timeoutMs,
    )
    const refusal = refusalOf(name, build, generation)
    if (refusal === undefined) return { info, name, build }
    throw new StoreError('STORAGE_UNAVAILABLE', `${addressText(address)}: ${refusal}`)
  } catch (error) {
    info.close()
    throw error
  }
}

function refusalOf(name: string, build: string, generation: string): string | undefined {
  if (WANTS_LOGIN.test(name)) return 'the node asks for a login, and this library has none'
  if (!/^[0-9A-F]{1,32}$/.test(name) || !/^\d{1,5}(\.\d{1,5}){2,3}/.test(build))
    return `no Aerospike node, it calls itself ${name || 'nothing'}`
  if (NOT_READY.has(generation)) return `node ${name} has not joined its cluster yet`
  return undefined
}
