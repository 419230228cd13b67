import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import type { ClientRow } from '../../lib/transport/client/client-rows.ts'
import { type BatchClient, ClientTransport } from '../../lib/transport/client/client-transport.ts'
import { type BatchRow, type BinValue, ConnectionPermits } from '../../lib/transport/index.ts'

type Answers = Awaited<ReturnType<BatchClient['batchWrite']>>

/** A client of a cluster of so many nodes that remembers what it was asked, and answers as told. */
function transportWith(
  answer: (records: ClientRow[]) => Promise<Answers>,
  requestBytesMax?: number,
  nodes: () => number = () => 1,
) {
  const calls: { records: ClientRow[]; policy: Record<string, unknown> }[] = []
  const client: BatchClient = {
    batchWrite(records, policy) {
      // As the npm client, which has encoded them when it returns: what becomes of the array then is no matter.
      const encoded = [...records]
      calls.push({ records: encoded, policy: policy as Record<string, unknown> })
      return answer(encoded)
    },
    getNodes: () => new Array(nodes()).fill('node'),
  }
  const transport = new ClientTransport(client, {
    namespace: 'ns',
    socketTimeoutMs: 700,
    maxRetries: 5,
    permits: new ConnectionPermits(2),
    ...(requestBytesMax !== undefined && { requestBytesMax }),
  })
  return { transport, calls }
}

const ok = async (records: ClientRow[]): Promise<Answers> =>
  records.map(() => ({ status: 0, record: { bins: { a: 1 } } }))
const key = { set: 's', userKey: Uint8Array.of(1, 2) }
const read: BatchRow = { kind: 'read', key, bins: ['a'] }
const write = (value: BinValue): BatchRow => ({
  kind: 'write',
  key,
  exists: 'any',
  operations: [{ kind: 'put', bin: 'b', value }],
})

describe('ClientTransport', () => {
  it('lesson 82: reads every row’s own status: a resolved promise is no success', async () => {
    const { transport } = transportWith(async () => [
      { status: 0, record: { bins: { a: 1 } } },
      { status: 2, inDoubt: false },
      { status: 9, inDoubt: true, record: { bins: { a: 2 } } },
    ])
    expect(await transport.batchOperate([read, read, read], { timeout: 1_000 })).toEqual([
      { index: 0, status: 0, bins: { a: 1 }, inDoubt: false },
      { index: 1, status: 2, bins: undefined, inDoubt: false },
      { index: 2, status: 9, bins: undefined, inDoubt: true },
    ])
  })

  it('a change that timed out is in doubt, whatever the client says; a read is not', async () => {
    const { transport } = transportWith(async () => [
      { status: 9, inDoubt: false },
      { status: 9, inDoubt: false },
    ])
    const answers = await transport.batchOperate([write(1), read], { timeout: 1_000 })
    expect(answers.map(({ inDoubt }) => inDoubt)).toEqual([true, false])
  })

  describe('a batch that the client fails with the error of one node', () => {
    const refused = Object.assign(new Error('no'), { code: 22, inDoubt: false })
    const failing = (nodes: () => number) =>
      transportWith(() => Promise.reject(refused), undefined, nodes).transport

    it.each<[string, BatchRow[], () => number, boolean]>([
      ['changes of several nodes are in doubt', [write(1), write(2)], () => 2, true],
      ['a change among reads is in doubt', [read, write(2)], () => 3, true],
      ['reads never are', [read, read], () => 3, false],
      ['a single row went to that node', [write(1)], () => 3, false],
      ['all rows went to the only node', [write(1), write(2)], () => 1, false],
    ])('%s', async (_, rows, nodes, inDoubt) => {
      await expect(failing(nodes).batchOperate(rows, { timeout: 1_000 })).rejects.toMatchObject({
        status: 22,
        inDoubt,
      })
    })

    it.each([
      [1, 2],
      [2, 1],
    ])('they are in doubt where there were %p nodes before and %p after', async (before, after) => {
      let nodes = before
      const { transport } = transportWith(
        () => {
          nodes = after
          return Promise.reject(refused)
        },
        undefined,
        () => nodes,
      )
      await expect(transport.batchOperate([write(1), write(2)], { timeout: 1_000 })).rejects.toMatchObject({
        inDoubt: true,
      })
    })
  })

  it('sends blobs as buffers, keys as blobs, and UDF arguments one by one', async () => {
    const { transport, calls } = transportWith(ok)
    const blob = new Uint8Array([9, 1, 2, 3]).subarray(1)
    await transport.batchOperate(
      [
        write([blob, null, 5n, true]),
        { kind: 'apply', key, module: 'm', function: 'f', args: [{ x: blob }] },
      ],
      { timeout: 1_000 },
    )
    const [put, apply] = calls[0]?.records ?? []
    const [operation] = (put?.ops ?? []) as { value: unknown[] }[]
    expect(operation?.value).toEqual([Buffer.from([1, 2, 3]), null, 5n, true])
    expect(apply?.udf).toEqual({ module: 'm', funcname: 'f', args: [{ x: Buffer.from([1, 2, 3]) }] })
    expect(put?.key).toMatchObject({ ns: 'ns', set: 's', key: Buffer.from([1, 2]) })
  })

  it.each<[string, BinValue]>([
    ['a fraction', 1.5],
    ['an unsafe integer', 2 ** 53],
    ['undefined inside a list', [undefined as never]],
  ])('refuses %s before anything is sent', async (_, value) => {
    const { transport, calls } = transportWith(ok)
    await expect(transport.batchOperate([write(value)], { timeout: 1_000 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect(calls).toEqual([])
  })

  it('gives the client the batch’s time, and no retries for what must go once', async () => {
    const { transport, calls } = transportWith(ok)
    await transport.batchOperate([read], { timeout: 1_000 })
    await transport.batchOperate([read], { timeout: 1_000, once: true })
    await transport.batchOperate([read], { timeout: 2_000 })
    expect(calls.map(({ policy }) => [policy.totalTimeout, policy.socketTimeout, policy.maxRetries])).toEqual(
      [
        [1_000, 700, 5],
        [1_000, 700, 0],
        [2_000, 700, 5],
      ],
    )
  })

  it('turns the client’s error into one that does not hold the rows', async () => {
    const huge = Object.assign(new Error('Client timeout'), {
      code: 9,
      inDoubt: true,
      command: { args: ['every row'] },
    })
    const { transport } = transportWith(() => Promise.reject(huge))
    const error = await transport
      .batchOperate([read], { timeout: 1_000 })
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'STORAGE_ERROR',
      message: 'the batch failed: Client timeout, TIMEOUT (9); rows may have been applied',
    })
    expect((error as Error).cause).toBeUndefined()
  })

  it('lesson 80: has no more batches at the client than there are permits, and frees them all', async () => {
    let inFlight = 0
    let inFlightMax = 0
    const { transport } = transportWith(async records => {
      inFlight += 1
      inFlightMax = Math.max(inFlightMax, inFlight)
      await null
      inFlight -= 1
      if (inFlightMax > 1) return ok(records)
      throw new Error('first')
    })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => transport.batchOperate([read], { timeout: 1_000 })),
    )
    expect(inFlightMax).toBe(2)
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(9)
  })

  it('is released by the signal, before and during', async () => {
    const { transport, calls } = transportWith(() => new Promise(() => {}))
    await expect(
      transport.batchOperate([read], { timeout: 1_000, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    expect(calls).toEqual([])
    const controller = new AbortController()
    const outcome = transport.batchOperate([read], { timeout: 1_000, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(outcome).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
  })

  it('closes when no batch is in flight, given-up ones included', async () => {
    let answer: (answers: Answers) => void = () => {}
    const { transport, calls } = transportWith(() => new Promise(resolve => (answer = resolve)))
    const abort = new AbortController()
    const given = transport.batchOperate([read], { timeout: 1_000, signal: abort.signal })
    while (calls.length === 0) await null
    abort.abort()
    await expect(given).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    const closed = transport.close().then(() => 'closed')
    const soon = new Promise(resolve => setTimeout(resolve, 50, 'still waiting'))
    expect(await Promise.race([closed, soon])).toBe('still waiting')
    answer([{ status: 0 }])
    expect(await closed).toBe('closed')
  })

  it('does not send what was given up in the moment in which it got its connection', async () => {
    const { transport, calls } = transportWith(ok)
    const abort = new AbortController()
    const given = transport.batchOperate([read], { timeout: 1_000, signal: abort.signal })
    abort.abort()
    await expect(given).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    await transport.close()
    expect(calls).toEqual([])
  })
})

describe('a batch that is too large for one request', () => {
  const BYTES_MAX = 10_000
  const large = write(new Uint8Array(6_000))
  /** A key for each, by which its answer can be told. */
  const rows = [large, read, large, large].map((row, place) => ({
    ...row,
    key: { ...key, userKey: Uint8Array.of(place) },
  }))
  const placesOf = (records: readonly ClientRow[]): (number | undefined)[] =>
    records.map(record => (record.key as { key: Buffer }).key[0])

  it('goes in several, one after the other, in one connection’s turn, and each row keeps its answer', async () => {
    let inFlight = 0
    const { transport, calls } = transportWith(async records => {
      inFlight += 1
      expect(inFlight).toBe(1)
      await null
      inFlight -= 1
      return placesOf(records).map(place => ({ status: 0, record: { bins: { place } } }))
    }, BYTES_MAX)
    const answers = await transport.batchOperate(rows, { timeout: 1_000 })
    expect(calls.map(({ records }) => placesOf(records))).toEqual([[0, 1], [2], [3]])
    expect(answers.map(({ index, bins }) => [index, bins?.place])).toEqual(
      [0, 1, 2, 3].map(place => [place, place]),
    )
    for (const { policy } of calls) {
      expect(Number.isSafeInteger(policy.totalTimeout)).toBe(true)
      expect(policy.totalTimeout).toBeLessThanOrEqual(1_000)
    }
  })

  it('a request that fails takes its own rows with it and no others', async () => {
    const timedOut = Object.assign(new Error('Client timeout'), { code: 9, inDoubt: true })
    const { transport } = transportWith(
      records => (placesOf(records).includes(0) ? Promise.reject(timedOut) : ok(records)),
      BYTES_MAX,
    )
    const answers = await transport.batchOperate(rows, { timeout: 1_000 })
    expect(answers).toMatchObject([
      { index: 0, status: 9, inDoubt: true },
      { index: 1, status: 9, inDoubt: false },
      { index: 2, status: 0 },
      { index: 3, status: 0 },
    ])
  })

  it('rejects where every request failed in one way, in doubt if any of them is', async () => {
    const { transport } = transportWith(
      records =>
        Promise.reject(Object.assign(new Error('no'), { code: 9, inDoubt: !placesOf(records).includes(0) })),
      BYTES_MAX,
    )
    await expect(transport.batchOperate(rows, { timeout: 1_000 })).rejects.toMatchObject({
      status: 9,
      inDoubt: true,
    })
  })

  it('a refusal of some for load does not speak for those that may have been applied', async () => {
    const { transport } = transportWith(records => {
      const isRefused = placesOf(records).includes(0)
      return Promise.reject(Object.assign(new Error('no'), { code: isRefused ? 18 : 9, inDoubt: !isRefused }))
    }, BYTES_MAX)
    const answers = await transport.batchOperate(rows, { timeout: 1_000 })
    expect(answers.map(({ status, inDoubt }) => [status, inDoubt])).toEqual([
      [18, false],
      [18, false],
      [9, true],
      [9, true],
    ])
  })

  it('rejects as one that timed out where the first request took all the time and had no answer', async () => {
    const timedOut = Object.assign(new Error('Client timeout'), { code: 9, inDoubt: true })
    const { transport, calls } = transportWith(
      () => delay(40).then(() => Promise.reject(timedOut)),
      BYTES_MAX,
    )
    await expect(transport.batchOperate(rows, { timeout: 20 })).rejects.toMatchObject({
      status: 9,
      inDoubt: true,
    })
    expect(calls).toHaveLength(1)
  })

  it('sends nothing more once it was given up', async () => {
    const controller = new AbortController()
    const { transport, calls } = transportWith(async records => {
      controller.abort()
      return ok(records)
    }, BYTES_MAX)
    const given = transport.batchOperate(rows, { timeout: 1_000, signal: controller.signal })
    await expect(given).rejects.toMatchObject({ code: 'CONTEXT_CANCELED' })
    await transport.close()
    expect(calls).toHaveLength(1)
  })

  it('closes after the last of them, not between two', async () => {
    let inFlight = 0
    const answered: (() => void)[] = []
    const { transport, calls } = transportWith(async records => {
      inFlight += 1
      await new Promise<void>(resolve => answered.push(resolve))
      inFlight -= 1
      return ok(records)
    }, BYTES_MAX)
    const given = transport.batchOperate(rows, { timeout: 1_000 })
    const inFlightAtClose = transport.close().then(() => inFlight)
    for (const part of [1, 2, 3]) {
      while (answered.length < part) await delay(1)
      answered[part - 1]?.()
      // Longer than `close` waits after the last.
      if (part < 3) await delay(30)
    }
    await given
    expect(await inFlightAtClose).toBe(0)
    expect(calls).toHaveLength(3)
  })

  it('leaves unsent what it has no time for, and says so', async () => {
    const { transport, calls } = transportWith(async records => delay(40).then(() => ok(records)), BYTES_MAX)
    const answers = await transport.batchOperate(rows, { timeout: 20 })
    expect(calls).toHaveLength(1)
    expect(answers).toMatchObject([
      { status: 0 },
      { status: 0 },
      { index: 2, status: 9, inDoubt: false },
      { index: 3, status: 9, inDoubt: false },
    ])
  })

  it('sends the first however short the time is, as it does a batch that fits', async () => {
    const { transport, calls } = transportWith(ok, BYTES_MAX)
    await transport.batchOperate(rows, { timeout: 1 })
    expect(calls[0]?.policy.totalTimeout).toBe(1)
  })

  it('an answer that the client leaves out shifts no other', async () => {
    const { transport } = transportWith(
      async records => (placesOf(records).includes(0) ? [{ status: 5 }] : ok(records)),
      BYTES_MAX,
    )
    const answers = await transport.batchOperate(rows, { timeout: 1_000 })
    expect(answers.map(({ status }) => status)).toEqual([5, -15, 0, 0])
  })

  it('refuses a bad value in its last row before the first is sent', async () => {
    const { transport, calls } = transportWith(ok, BYTES_MAX)
    await expect(transport.batchOperate([...rows, write(1.5)], { timeout: 1_000 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    expect(calls).toEqual([])
  })

  it.each<[string, BatchRow]>([
    ['a write', write([new Uint8Array(6_000)])],
    ['an argument', { kind: 'apply', key, module: 'm', function: 'f', args: [{ x: 'x'.repeat(2_000) }] }],
    [
      'a key of an entry',
      {
        kind: 'write',
        key,
        exists: 'any',
        operations: [{ kind: 'map-put', bin: 'b', key: 'k'.repeat(2_000), value: true }],
      },
    ],
    ['the names of bins', { kind: 'read', key, bins: new Array<string>(150).fill('a') }],
    ['a map', write(new Map([[1, new Uint8Array(6_000)]]))],
  ])('counts the bytes of %s', async (_, row) => {
    const { transport, calls } = transportWith(ok, BYTES_MAX)
    await transport.batchOperate([row, row], { timeout: 1_000 })
    expect(calls.map(({ records }) => records.length)).toEqual([1, 1])
  })

  it('one row that is too large alone is sent by itself, for the server to refuse', async () => {
    const { transport, calls } = transportWith(ok, BYTES_MAX)
    await transport.batchOperate([read, write(new Uint8Array(20_000)), read], { timeout: 1_000 })
    expect(calls.map(({ records }) => records.length)).toEqual([1, 1, 1])
  })
})
