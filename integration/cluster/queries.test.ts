import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import Aerospike from 'aerospike'
import { type EmbeddedServerHandle, startEmbeddedServer } from 'aerospike-utxo-store/embedded'
import { batchKey, clusterClient } from './write-load.ts'

const RECORDS = 1_200
const PAGE_RECORDS = 100
/** Some pages are smaller than they may be. */
const PAGES_MAX = 100
const POLICY = new Aerospike.QueryPolicy({ totalTimeout: 10_000, socketTimeout: 2_000, maxRetries: 10 })
/** The values that queries on the index ask for, both inclusive. */
const [FIRST, LAST] = [200, 999]

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
const EVERYTHING = numbers(0, RECORDS - 1)
const IN_RANGE = numbers(FIRST, LAST)

// Not while nodes come and go: the npm client 6.7.1 then crashes now and then (SIGSEGV), and takes the tests with it.
describe('queries over three nodes', () => {
  let server: EmbeddedServerHandle
  let client: Aerospike.Client

  beforeEach(async () => {
    server = await startEmbeddedServer({ nodes: 3, failureDetectionMs: 50 })
    client = await clusterClient(server)
    await client.batchWrite(
      EVERYTHING.map(n => ({
        type: Aerospike.batchType.BATCH_WRITE,
        key: batchKey(`k${n}`),
        ops: [Aerospike.operations.write('n', n)],
      })),
    )
    const options = {
      ns: 'test',
      set: 'load',
      bin: 'n',
      index: 'by-n',
      datatype: Aerospike.indexDataType.NUMERIC,
    }
    const job = await client.createIndex(options)
    await job.wait(10)
  })

  afterEach(async () => {
    // The client crashes when it is closed in the turn in which a query ended.
    await new Promise(resolve => setImmediate(resolve))
    client.close()
    await server.close()
  })

  const scan = (options: Aerospike.QueryOptions = {}) => client.query('test', 'load', options)
  const rangeQuery = (options: Aerospike.QueryOptions = {}) =>
    client.query('test', 'load', { ...options, filters: [Aerospike.filter.range('n', FIRST, LAST)] })

  /** What a query or a page of one answers, ascending: a record that came twice is there twice. */
  async function valuesOf(query: Aerospike.Query): Promise<number[]> {
    const records = await query.results(POLICY)
    return records.map(({ bins }) => Number(bins.n)).sort((left, right) => left - right)
  }

  /** What all pages of a query answer together. */
  async function paged(query: Aerospike.Query) {
    const found: number[] = []
    for (let page = 1; page === 1 || query.hasNextPage(); page++) {
      if (page > PAGES_MAX) throw new Error('pages that never end')
      found.push(...(await valuesOf(query)))
    }
    return found.sort((left, right) => left - right)
  }

  const inPages = { paginate: true, maxRecords: PAGE_RECORDS }

  it('find every record once: a scan, a query on an index, and pages of both', async () => {
    expect(await valuesOf(scan())).toEqual(EVERYTHING)
    expect(await valuesOf(rangeQuery())).toEqual(IN_RANGE)
    expect(await paged(scan(inPages))).toEqual(EVERYTHING)
    expect(await paged(rangeQuery(inPages))).toEqual(IN_RANGE)
  })
})
