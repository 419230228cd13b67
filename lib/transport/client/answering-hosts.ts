import { messageOf } from '../../errors/index.ts'
import { InfoConnection } from '../wire/info-connection.ts'
import { greetNode } from '../wire/node-greeting.ts'

export interface Host {
  readonly host: string
  readonly port: number
}

/**
 * Those of the hosts that answer an info command, in their order. To accept a connection is not enough: for a process
 * that hangs, its machine does.
 *
 * @param timeoutMs for all of them together, which are asked at the same time; twice that at the most
 */
export async function answeringHosts(hosts: readonly Host[], timeoutMs: number): Promise<readonly Host[]> {
  const answers = await Promise.all(hosts.map(host => isAnswering(host, timeoutMs)))
  return hosts.filter((_, index) => answers[index])
}

/**
 * Why the hosts cannot be used, as they say themselves, where they do: the npm client's own error is the same for a server
 * that is down, one that asks for TLS or a login, and one that has not joined its cluster.
 */
export async function complaints(hosts: readonly Host[], timeoutMs: number): Promise<readonly string[]> {
  const told = await Promise.all(
    hosts.map(async host => {
      try {
        const { info } = await greetNode(host, { timeoutMs, closing: undefined })
        info.close()
        return undefined
      } catch (error) {
        return messageOf(error)
      }
    }),
  )
  return told.filter(text => text !== undefined)
}

async function isAnswering(host: Host, timeoutMs: number): Promise<boolean> {
  try {
    const connection = await InfoConnection.open(host, { timeoutMs, closing: undefined })
    try {
      await connection.ask(['node'], timeoutMs)
      return true
    } finally {
      connection.close()
    }
  } catch {
    return false
  }
}
