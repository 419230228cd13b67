import { describe, expect, it } from '@jest/globals'
import {
  encodeMessage,
  FIELD_TYPES,
  INFO1,
  INFO2,
  INFO3,
  type Message,
  OPERATION_CODES,
  RESULT_CODES,
} from '../../../lib/protocol/index.ts'
import {
  backgroundOperations,
  definition,
  type FieldInit,
  query,
  rangeField,
  rowsOf,
} from '../support/query-messages.ts'
import { bins, decodedFrame, increment, operation, read, TestNode, write } from '../support/test-node.ts'

const { FORBIDDEN, PARAMETER, NOT_FOUND, OK, SINDEX_NOT_FOUND } = RESULT_CODES

function testNode(records = 10): TestNode {
  const test = new TestNode()
  for (let at = 0; at < records; at++) test.put(`k${at}`, { n: at, s: `s${at}` })
  return test
}

/** Values of bin `n` of all records, ascending. */
function values(test: TestNode): number[] {
  const rows = rowsOf(test.sendAll(query()))
  return rows.map(row => Number(bins(row).n)).toSorted((left, right) => left - right)
}

function rate(recordsPerSecond: number): FieldInit {
  const data = Buffer.alloc(4)
  data.writeUInt32BE(recordsPerSecond)
  return { type: FIELD_TYPES.RECORDS_PER_SECOND, data }
}

function field(type: number, text: string | Buffer): FieldInit {
  return { type, data: Buffer.from(text) }
}

/** The filter `n > 6`. */
const ABOVE_6 = { type: FIELD_TYPES.FILTER, data: Buffer.from('9303935102a16e06', 'hex') }

describe('background operations', () => {
  it('of which too many run already are refused, until some are over', () => {
    const test = testNode(1)
    const start = () => test.send(backgroundOperations([increment('n', 1)])).resultCode
    const codes = Array.from({ length: 257 }, start)
    expect([codes.indexOf(FORBIDDEN), new Set(codes)]).toEqual([256, new Set([OK, FORBIDDEN])])
    // A foreground query is none of them.
    expect(values(test)).toEqual([0])
    test.runJobs()
    expect(values(test)).toEqual([256])
    expect(start()).toBe(OK)
  })

  it('are answered at once, and write every record once', () => {
    const test = testNode()
    const reply = test.send(backgroundOperations([increment('n', 100)]))
    expect([reply.resultCode, reply.info3]).toEqual([OK, INFO3.LAST])
    expect(values(test)[0]).toBe(0)
    test.runJobs()
    expect(values(test)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
    expect(test.get('k3').generation).toBe(2)
    expect(test.node.jobs.all()[1]).toMatchObject({
      isActive: false,
      outcome: 'ok',
      recordsSucceeded: 10,
      progress: 1,
    })
  })

  it('that move a record in their own index write it once all the same', () => {
    const test = testNode()
    test.namespace.indexes.create(definition())
    test.send(backgroundOperations([increment('n', 1)], [rangeField('n', 0, 1000)]))
    test.runJobs()
    expect(values(test)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('write what an index and a filter find', () => {
    const test = testNode()
    test.namespace.indexes.create(definition())
    test.send(backgroundOperations([write('hit', 1)], [rangeField('n', 5, 8), ABOVE_6]))
    test.runJobs()
    const hits = rowsOf(test.sendAll(query())).filter(row => bins(row).hit !== undefined)
    expect(hits.map(row => bins(row).n).toSorted()).toEqual([7, 8])
    expect(test.node.jobs.all()[1]).toMatchObject({
      recordsSucceeded: 2,
      recordsFiltered: 2,
      recordsFailed: 0,
    })
  })

  it('delete records, with the time to live and conditions that a job has', () => {
    const test = testNode(4)
    test.send(backgroundOperations([operation(OPERATION_CODES.DELETE_ALL, '')], [ABOVE_6]))
    test.send(backgroundOperations([write('a', 1)], [], { recordTtl: 800 }))
    // A generation, or create-only, is no condition of a job; a replacement is.
    test.send(
      backgroundOperations([write('b', 1)], [], {
        info2: INFO2.WRITE | INFO2.GENERATION | INFO2.CREATE_ONLY,
        generation: 77,
      }),
    )
    test.runJobs()
    expect(test.get('k1').generation).toBe(3)
    expect(bins(test.get('k1'))).toEqual({ n: 1, s: 's1', a: 1, b: 1 })
    test.send(backgroundOperations([write('c', 1)], [], { info3: INFO3.CREATE_OR_REPLACE, recordTtl: 800 }))
    test.runJobs()
    expect(bins(test.get('k1'))).toEqual({ c: 1 })
    expect(test.get('k1').recordTtl).toBe(test.namespace.nowSeconds + 800)
  })

  it('count records on which they fail, and go on', () => {
    const test = testNode(3)
    test.put('k1', { n: 'text' })
    test.send(backgroundOperations([increment('n', 1)]))
    test.runJobs()
    expect(test.node.jobs.all()[0]).toMatchObject({ recordsSucceeded: 2, recordsFailed: 1 })
  })

  it('keep to their rate', () => {
    const test = testNode(20)
    const startMs = test.clock.nowMs()
    test.send(backgroundOperations([increment('n', 1)], [rate(10)]))
    test.runJobs()
    const tookMs = test.clock.nowMs() - startMs
    expect(tookMs).toBeGreaterThanOrEqual(1_800)
    expect(tookMs).toBeLessThanOrEqual(2_100)
  })

  it('end when they are aborted, and do nothing any more once the node is closed', () => {
    const test = testNode(20)
    const steps = (count: number) => {
      for (let at = 0; at < count; at++) test.deferred.shift()?.step()
    }
    test.send(backgroundOperations([increment('n', 100)], [rate(10)]))
    steps(1)
    const [job] = test.node.jobs.all()
    expect(job?.recordsSucceeded).toBeGreaterThan(0)
    expect(job?.abort()).toBe(true)
    test.runJobs()
    expect([job?.isActive, job?.outcome]).toEqual([false, 'user-aborted'])
    expect(job?.recordsSucceeded).toBeLessThan(20)

    const written = values(test).filter(n => n >= 100).length
    test.send(backgroundOperations([increment('n', 1000)]))
    test.node.jobs.close()
    test.runJobs()
    expect(values(test).filter(n => n >= 100)).toHaveLength(written)
  })

  it.each<[string, Parameters<typeof backgroundOperations>, number]>([
    ['nothing to do', [[]], PARAMETER],
    ['a read', [[write('a', 1), read('n')]], PARAMETER],
    ['the READ bit', [[write('a', 1)], [], { info1: INFO1.READ }], PARAMETER],
    ['a rate above the limit', [[write('a', 1)], [rate(10_001)]], PARAMETER],
    ['a filter that is none', [[write('a', 1)], [field(FIELD_TYPES.FILTER, Buffer.from([1]))]], PARAMETER],
    ['no index', [[write('a', 1)], [rangeField('n', 1)]], SINDEX_NOT_FOUND],
  ])('are refused for %s', (_name, request, code) => {
    const test = testNode(1)
    const reply = test.send(backgroundOperations(...request))
    expect([reply.resultCode, reply.info3, test.deferred.length]).toEqual([code, 0, 0])
  })

  it('are refused for a set that does not exist', () => {
    const reply = new TestNode().send(backgroundOperations([write('a', 1)]))
    expect([reply.resultCode, reply.info3]).toEqual([NOT_FOUND, 0])
  })
})

describe('functions', () => {
  const call = (udfOperation: number | undefined, ...left: string[]): FieldInit[] => [
    ...(udfOperation === undefined ? [] : [field(FIELD_TYPES.UDF_OPERATION, Buffer.from([udfOperation]))]),
    ...[
      field(FIELD_TYPES.UDF_MODULE, 'm'),
      field(FIELD_TYPES.UDF_FUNCTION, 'f'),
      field(FIELD_TYPES.UDF_ARGUMENTS, Buffer.from([0x91, 7])),
    ].filter(({ type }) => !left.includes(String(type))),
  ]
  const withoutFunction = String(FIELD_TYPES.UDF_FUNCTION)
  const withoutArguments = String(FIELD_TYPES.UDF_ARGUMENTS)

  it('in the background are called once for each record that the filter lets through', () => {
    const test = testNode()
    test.send(backgroundOperations([], [...call(2), ABOVE_6]))
    test.runJobs()
    expect(
      test.udf.calls.map(({ moduleName, functionName, args }) => [moduleName, functionName, args[1]]),
    ).toEqual(Array(3).fill(['m', 'f', 7]))
    expect(test.node.jobs.all()[0]?.description).toMatchObject({
      type: 'background-udf',
      udf: { moduleName: 'm' },
    })
  })

  it('that fail on a record are called for the others', () => {
    const test = testNode(5)
    test.udf.outcome = { kind: 'failure', message: 'no' }
    test.send(backgroundOperations([], call(2)))
    test.runJobs()
    expect(test.node.jobs.all()[0]).toMatchObject({ recordsFailed: 5, recordsSucceeded: 0, outcome: 'ok' })
  })

  function answers(messages: readonly Message[]): unknown[] {
    return messages.map(message =>
      message.operations.length > 0 ? bins(message) : [message.resultCode, message.info3],
    )
  }

  it('on streams answer what they emit, partition by partition', () => {
    const test = testNode(3)
    test.udf.aggregateOutcome = { kind: 'success', values: [{ type: 3, value: Buffer.from('v') }] }
    const messages = test.sendAll(query(call(1)))
    expect(answers(messages)).toEqual([
      { SUCCESS: 'v' },
      { SUCCESS: 'v' },
      { SUCCESS: 'v' },
      [OK, INFO3.LAST],
    ])
    expect(test.node.jobs.all()[0]).toMatchObject({ isActive: false, recordsSucceeded: 3 })
  })

  it('on streams that emit nothing answer no empty frame', () => {
    const test = testNode(3)
    const frames = test.frames(encodeMessage(query(call(1)))).filter(({ length }) => length > 0)
    expect(frames).toHaveLength(1)
    expect(frames.flatMap(decodedFrame).map(({ info3 }) => info3)).toEqual([INFO3.LAST])
  })

  it('on streams end with the first failure', () => {
    const test = testNode(3)
    test.udf.aggregateOutcome = { kind: 'failure', message: 'UDF: Execution Error 2 : no' }
    const messages = test.sendAll(query(call(1)))
    expect(answers(messages)).toEqual([
      { FAILURE: 'UDF: Execution Error 2 : no' },
      [RESULT_CODES.UNKNOWN, INFO3.LAST],
    ])
    expect(test.node.jobs.all()[0]?.outcome).toBe('abandoned-unknown')
  })

  it.each<[string, readonly FieldInit[], Partial<Message>, number]>([
    ['nothing to do with them', call(undefined), {}, PARAMETER],
    ['an unknown thing to do', call(9), {}, PARAMETER],
    ['a stream without a function', call(1, withoutFunction), {}, PARAMETER],
    ['a stream without arguments', call(1, withoutArguments), {}, PARAMETER],
    ['a background call without arguments', call(2, withoutArguments), {}, PARAMETER],
    ['a short stream', call(1), { info1: INFO1.READ | INFO1.SHORT_QUERY }, PARAMETER],
    ['a stream with a filter', [...call(1), ABOVE_6], {}, RESULT_CODES.UNSUPPORTED_FEATURE],
  ])('are refused for %s', (_name, fields, init, code) => {
    expect(testNode(1).send(query(fields, init)).resultCode).toBe(code)
  })

  it('on streams are refused for a set that does not exist', () => {
    expect(new TestNode().send(query(call(1))).resultCode).toBe(NOT_FOUND)
  })
})

describe('jobs in the info protocol', () => {
  it('show what they were asked for and how far they are', () => {
    const test = testNode(2)
    test.namespace.indexes.create(definition())
    test.send(backgroundOperations([write('a', 1)], [rangeField('n', 0, 9), rate(50)]))
    const [job] = test.node.jobs.all()
    const show = () => test.info(`query-show:id=${job?.description.id}`)
    expect(show()).toContain(
      ':ns=test:set=demo:sindex-name=ix:rps=50:active-threads=1:status=active(ok):job-progress=0.00:',
    )
    test.runJobs()
    expect(show()).toMatch(
      /^trid=\d+:ns=test:.*:status=done\(ok\):job-progress=100\.00:.*:recs-succeeded=2:.*:job-type=background-ops:/,
    )
    expect(test.info('query-show')).toBe(show())
    expect(test.info(`query-abort:id=${job?.description.id}`)).toBe('ERROR:2:id not active')
  })

  it('are aborted by id, or all at once', () => {
    const test = testNode(2)
    test.send(backgroundOperations([write('a', 1)]))
    test.send(backgroundOperations([write('b', 1)]))
    const [newest] = test.node.jobs.all()
    expect(test.info(`query-abort:trid=${newest?.description.id}`)).toBe('ok')
    expect(test.info('query-abort-all:')).toBe('number-of-queries-killed:2')
    test.runJobs()
    expect(test.info('query-show').match(/status=done\(user-aborted\)/g)).toHaveLength(2)
    expect(bins(test.get('k0'))).toEqual({ n: 0, s: 's0' })
  })

  it('are forgotten when a hundred others have ended after them', () => {
    const test = testNode(1)
    for (let at = 0; at < 150; at++) test.sendAll(query())
    expect(test.node.jobs.all()).toHaveLength(100)
  })

  it.each([
    ['query-show:id=', "ERROR:4:missing 'id' value"],
    ['query-show:id=abc', 'ERROR:4:bad id'],
    ['query-show:id=99', 'ERROR:2:job not found'],
    ['query-abort', "ERROR:4:missing 'id'"],
    ['query-abort:id=99', 'ERROR:2:id not active'],
    ['query-abort-all', 'number-of-queries-killed:0'],
  ])('%s answers %s', (command, answer) => {
    expect(new TestNode().info(command)).toBe(answer)
  })
})
