import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Aerospike from 'aerospike'
import type { Administration } from '../administration.ts'
import type { ClientConnection } from './connection.ts'

/** Administration through the npm client. */
export class ClientAdministration implements Administration {
  readonly #client: ClientConnection
  readonly #timeoutMs: number

  constructor(client: ClientConnection, { timeoutMs }: { timeoutMs: number }) {
    this.#client = client
    this.#timeoutMs = timeoutMs
  }

  async listUdfFiles(): Promise<string[]> {
    const answers = await this.infoOfNodes('udf-list')
    // A module counts as present only where every node lists it.
    const lists = answers.map(({ answer }) =>
      [...answer.matchAll(/filename=([^,;]+)/g)].map(match => match[1] ?? ''),
    )
    const [first = [], ...others] = lists
    return first.filter(name => others.every(list => list.includes(name)))
  }

  async registerUdf(fileName: string, source: string): Promise<void> {
    // The client reads the module from a file and registers it under the file's name.
    const folder = await mkdtemp(join(tmpdir(), 'utxo-store-udf-'))
    try {
      const path = join(folder, fileName)
      await writeFile(path, source)
      const job = await this.#client.udfRegister(
        path,
        Aerospike.language.LUA,
        new Aerospike.InfoPolicy({ timeout: this.#timeoutMs }),
      )
      await job.wait(50)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async infoOfNodes(command: string): Promise<{ node: string; answer: string }[]> {
    const answers = await this.#client.infoAll(
      command,
      new Aerospike.InfoPolicy({ timeout: this.#timeoutMs }),
    )
    return (answers as { host?: { node_id?: string }; info: string }[]).map(({ host, info }) => ({
      node: host?.node_id ?? '?',
      answer: info.slice(info.indexOf('\t') + 1).trimEnd(),
    }))
  }

  async close(): Promise<void> {
    // `false`: the process-wide event loop stays usable for other stores in this process.
    await this.#client.close(false)
  }
}
