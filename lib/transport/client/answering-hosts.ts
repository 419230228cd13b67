import { InfoConnection } from '../wire/info-connection.ts'

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

async function isAnswering(host: Host, timeoutMs: number): Promise<boolean> {
  try {
    const connection = await InfoConnection.open(host, timeoutMs)
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
