import Aerospike from 'aerospike'
import type { TestServer } from './server.ts'

/** Drops the secondary indexes of sets: a namespace of a given server holds a limited number of them. */
export async function removeIndexes(
  { host, port, namespace }: TestServer,
  sets: readonly string[],
): Promise<void> {
  const client = await Aerospike.connect({ hosts: [{ addr: host, port }] })
  try {
    const answers = await client.infoAll(`sindex-list:namespace=${namespace}`)
    const lines = answers.flatMap(({ info = '' }) => info.split('\t')[1]?.trim().split(';') ?? [])
    for (const line of lines) {
      const fields = new Map(line.split(':').map(field => field.split('=', 2) as [string, string]))
      const name = fields.get('indexname')
      if (name !== undefined && sets.includes(fields.get('set') ?? ''))
        await client.indexRemove(namespace, name)
    }
  } finally {
    client.close()
  }
}
