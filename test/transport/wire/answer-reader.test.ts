import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  encodeFrame,
  encodeMessage,
  encodeParticle,
  FRAME_TYPES,
  INFO3,
  OPERATION_CODES,
  type ProtocolError,
  type Value,
} from '../../../lib/protocol/index.ts'
import { AnswerTooLargeError } from '../../../lib/transport/wire/answer-budget.ts'
import { ANSWER_FRAME_BYTES_MAX, AnswerReader } from '../../../lib/transport/wire/answer-reader.ts'
import { decodeBins } from '../../../lib/transport/wire/value-decoding.ts'

interface Row {
  readonly index: number
  readonly resultCode: number
  readonly bins: Readonly<Record<string, Value>>
}

function rowMessage({ index, resultCode, bins }: Row): Buffer {
  return encodeMessage({
    transactionTtl: index,
    resultCode,
    generation: 7,
    operations: Object.entries(bins).map(([name, value]) => {
      const particle = encodeParticle(value)
      return {
        code: OPERATION_CODES.READ,
        particleType: particle.type,
        name,
        value: particle.value as Buffer,
      }
    }),
  })
}

const END = encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ info3: INFO3.LAST }))

/** As servers send it: some rows in each frame, the last message in one of its own. */
function answerOf(rows: readonly Row[], rowsInFrame: number): Buffer {
  const frames: Buffer[] = []
  for (let at = 0; at < rows.length; at += rowsInFrame) {
    const messages = rows.slice(at, at + rowsInFrame).map(rowMessage)
    frames.push(encodeFrame(FRAME_TYPES.MESSAGE, Buffer.concat(messages)))
  }
  return Buffer.concat([...frames, END])
}

interface Read {
  readonly rows: Row[]
  readonly finalCode: number | undefined
}

/** Reads an answer in chunks that lie in the same memory one after another, as the socket's do. */
function readInChunks(answer: Buffer, sizes: readonly number[], reader = new AnswerReader()): Read {
  const rows: Row[] = []
  let finalCode: number | undefined
  const memory = Buffer.alloc(Math.min(answer.length, Math.max(...sizes)))
  for (let at = 0, turn = 0; at < answer.length; turn++) {
    const size = Math.min(answer.length - at, sizes[turn % sizes.length] ?? answer.length)
    memory.set(answer.subarray(at, at + size))
    finalCode = reader.read(memory.subarray(0, size), {
      onRow: message =>
        rows.push({
          index: message.index,
          resultCode: message.resultCode,
          bins: decodeBins(message) as Row['bins'],
        }),
    })
    memory.fill(0xee)
    at += size
  }
  return { rows, finalCode }
}

const binValues = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.string(),
  fc.uint8Array({ maxLength: 200 }),
  fc.array(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 80 }), fc.integer(), fc.constant(null))),
)
const binNames = fc.stringMatching(/^[a-z]{1,15}$/)
const answers = fc
  .array(
    fc.record({
      resultCode: fc.nat(255),
      bins: fc.dictionary(binNames, binValues, { noNullPrototype: true }),
    }),
    {
      maxLength: 30,
    },
  )
  .map(rows => rows.map((row, index) => ({ ...row, index })))

const bytes = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value)
    : Array.isArray(value)
      ? value.map(bytes)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, bytes(entry)]))
        : value

describe('an answer', () => {
  it('is the same however the network cuts it', () => {
    fc.assert(
      fc.property(
        answers,
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 10 }),
        (rows, rowsInFrame, sizes) => {
          const read = readInChunks(answerOf(rows, rowsInFrame), sizes)
          expect(read.finalCode).toBe(0)
          expect(read.rows.map(bytes)).toEqual(rows.map(bytes))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of megabytes is read, and the reader serves again', () => {
    const blob = Buffer.alloc(3_000_000, 5)
    const reader = new AnswerReader()
    const answer = answerOf([{ index: 0, resultCode: 0, bins: { b: blob } }], 1)
    for (let round = 0; round < 2; round++) {
      const [row] = readInChunks(answer, [65_536], reader).rows
      expect(blob.equals(row?.bins.b as Uint8Array)).toBe(true)
    }
  })

  it('leaves no record with more bytes to keep in memory than some neighbours of it', () => {
    const rows = Array.from({ length: 400 }, (_, index) => ({
      index,
      resultCode: 0,
      bins: { b: Buffer.alloc(100, index) },
    }))
    const read = readInChunks(answerOf(rows, 100), [65_536])
    const kept = new Set(read.rows.map(({ bins }) => (bins.b as Uint8Array).buffer))
    expect(kept.size).toBeGreaterThan(1)
    for (const { byteLength } of kept) expect(byteLength).toBeLessThanOrEqual(16 * 1024)
  })

  it('that ends with a code tells it', () => {
    const refusal = encodeFrame(FRAME_TYPES.MESSAGE, encodeMessage({ info3: INFO3.LAST, resultCode: 151 }))
    expect(readInChunks(refusal, [5])).toEqual({ rows: [], finalCode: 151 })
  })
})

describe('a hostile answer', () => {
  const good = answerOf([{ index: 0, resultCode: 0, bins: { a: 1, b: [Uint8Array.of(1)] } }], 1)
  const changed = (at: number, ...values: number[]): Buffer => {
    const copy = Buffer.from(good)
    copy.set(values, at)
    return copy
  }

  it.each<[string, Buffer]>([
    ['another version', changed(0, 3)],
    ['a frame of another type', changed(1, 1)],
    ['a compressed frame', changed(1, 4)],
    ['a frame above the cap', changed(2, 0, 0, ANSWER_FRAME_BYTES_MAX / 2 ** 24 + 1)],
    ['a frame of 2^47 bytes', changed(2, 0x7f)],
    ['a frame shorter than a message', changed(7, 21)],
    ['a message that runs past its frame', changed(7, 30)],
    ['more operations than there are', changed(29, 9)],
    ['fields that are not there', changed(27, 9)],
    ['an operation of 4 GiB', changed(30, 0xff, 0xff, 0xff, 0xff)],
    ['an operation shorter than its name', changed(30, 0, 0, 0, 4)],
    ['a name that is longer than its operation', changed(37, 255)],
    ['an unknown particle type', changed(35, 99)],
    ['an integer of a wrong size', changed(30, 0, 0, 0, 12)],
    ['bytes behind its end', Buffer.concat([good, Buffer.of(2)])],
    ['a second answer behind it', Buffer.concat([good, good])],
  ])('with %s is refused', (_, answer) => {
    expect(() => readInChunks(answer, [answer.length])).toThrow(
      expect.objectContaining({ name: 'ProtocolError' }),
    )
  })

  it('with bytes changed at random is read or refused, and nothing else', () => {
    const base = answerOf(
      Array.from({ length: 5 }, (_, index) => ({
        index,
        resultCode: 0,
        bins: { n: index, l: ['x', [1, [2]], Uint8Array.of(3)], m: new Map([['k', 1]]), s: 'text' },
      })),
      2,
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 100 }),
        (changes, size) => {
          const answer = Buffer.from(base)
          for (const [at, value] of changes) answer[at] = value
          try {
            readInChunks(answer, [size])
          } catch (error) {
            expect((error as ProtocolError).name).toBe('ProtocolError')
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('of lists in lists without end is refused before the stack is full', () => {
    const depth = 100_000
    const nested = Buffer.alloc(depth, 0x91)
    const row = encodeMessage({
      operations: [{ code: OPERATION_CODES.READ, particleType: 20, name: 'l', value: nested }],
    })
    expect(() => readInChunks(encodeFrame(FRAME_TYPES.MESSAGE, row), [65_536])).toThrow(/nested/)
  })
})

describe('bins', () => {
  it('of lists of which each says that it is longer than any is takes no memory for what they say', () => {
    const lists = 1_000
    const value = Buffer.alloc(2 ** 20, 0xc0)
    for (let list = 0; list < lists; list++) {
      value[5 * list] = 0xdd
      value.writeUInt32BE(value.length - 5 * lists, 5 * list + 1)
    }
    const row = encodeMessage({ operations: [{ code: 1, particleType: 20, name: 'l', value }] })
    const before = process.memoryUsage().heapUsed
    const read = () => decodeBins({ bytes: row, operationsStart: 22, operationCount: 1 })
    expect(read).toThrow(AnswerTooLargeError)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 2 ** 20)
  })

  it('of a list of any length have all its elements', () => {
    const value = Array.from({ length: 1_000 }, (_, index) => index)
    const row = rowMessage({ index: 0, resultCode: 0, bins: { value } })
    expect(decodeBins({ bytes: row, operationsStart: 22, operationCount: 1 })).toEqual({ value })
  })

  it('named like what objects have are bins', () => {
    const row = encodeMessage({
      operations: [{ code: 1, particleType: 1, name: '__proto__', value: Buffer.alloc(8, 1) }],
    })
    const decoded = decodeBins({ bytes: row, operationsStart: 22, operationCount: 1 })
    expect(Object.keys(decoded)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })

  it('of texts that are alike are not taken for each other', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 50 }), texts => {
        const bins = Object.fromEntries(texts.map((text, index) => [`b${index}`, text]))
        const row = rowMessage({ index: 0, resultCode: 0, bins })
        const operations = { bytes: row, operationsStart: 22, operationCount: texts.length }
        expect(decodeBins(operations)).toEqual(bins)
      }),
      { numRuns: 30 },
    )
  })
})
