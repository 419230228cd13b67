import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { LuaRuntime, Particle } from '../../../lib/embedded/lua/index.ts'
import {
  argumentsOf,
  blob,
  changedBin,
  Double,
  decodeMsgpack,
  double,
  encodeMsgpack,
  evaluateAll,
  existing,
  int,
  list,
  map,
  NO_ARGUMENTS,
  startRuntime,
  text,
  type Value,
} from './lua-lab.ts'

let runtime: LuaRuntime

beforeAll(async () => {
  runtime = await startRuntime()
  const source = `
    function echo(rec, v) return v end
    function bin(rec) return rec.v end
    function copy(rec) rec.copy = rec.v aerospike:update(rec) end
    function rebuild(rec)
      local l = list()
      for i = 1, #rec.v do list.append(l, rec.v[i]) end
      rec.copy = l
      aerospike:update(rec)
    end`
  expect(runtime.register('echo.lua', Buffer.from(source))).toEqual({ ok: true })
})

afterAll(() => runtime.close())

const hexOf = ({ type, value }: Particle) => `${type}:${Buffer.from(value).toString('hex')}`

function resultOf(functionName: string, record = existing(), args: Uint8Array = NO_ARGUMENTS): string {
  const outcome = runtime.apply('echo', functionName, record, args, 1000)
  return outcome.kind === 'success' ? hexOf(outcome.value) : JSON.stringify(outcome)
}

function storedCopy(functionName: string, particle: Particle): string {
  const outcome = runtime.apply('echo', functionName, existing({ v: particle }), NO_ARGUMENTS, 1000)
  const copy = changedBin(outcome, 'copy')
  return copy ? hexOf(copy) : JSON.stringify(outcome)
}

describe('particles of results', () => {
  it.each([
    ['nil', '0:'],
    ['1', '1:0000000000000001'],
    ['math.mininteger', '1:8000000000000000'],
    ['3.0', '2:4008000000000000'],
    ['7 / 2', '2:400c000000000000'],
    ['7 // 2', '1:0000000000000003'],
    ['-0.0', '2:8000000000000000'],
    ['0/0', '2:fff8000000000000'],
    ['math.huge', '2:7ff0000000000000'],
    ['"a\\0b"', '3:61'],
    ['true', '17:01'],
    ['list{1, 2.0, "a", bytes()}', '20:9401cb4000000000000000a20361a104'],
    ['map{b = list(), a = 1.0}', '19:82a20361cb3ff0000000000000a2036290'],
    ['geojson("{}")', '23:0000007b7d'],
    ['{}', '0:'],
    ['print', '0:'],
    ['rec', '0:'],
    ['aerospike', '0:'],
    ['1, 2', '1:0000000000000001'],
  ])('%s', (expression, particle) => {
    const [outcome] = evaluateAll(runtime, [expression], existing())
    expect(outcome?.kind === 'success' && hexOf(outcome.value)).toBe(particle)
  })
})

describe('bins and arguments', () => {
  it.each<[string, Particle, string, string]>([
    ['integer', int(-5), '1:fffffffffffffffb', '1:fffffffffffffffb'],
    ['double', double(3), '2:4008000000000000', '2:4008000000000000'],
    ['string cut at a zero byte', text('a\0b'), '3:61', '3:61'],
    ['boolean', { type: 17, value: Buffer.from([0]) }, '17:00', '17:00'],
    ['blob', blob('00ff'), '4:00ff', '4:00ff'],
    ['blob of a language: keeps its type in a bin', { type: 7, value: Buffer.from([1]) }, '4:01', '7:01'],
    ['HyperLogLog', { type: 18, value: Buffer.from([1]) }, '4:01', '18:01'],
    ['ordered list: answered without its flags', list('93c700010102'), '20:920102', '20:93c700010102'],
    [
      'flags inside: those of maps are answered',
      list('9282c70001c0a203610193c700010102'),
      '20:9282c70001c0a2036101920102',
      '20:9282c70001c0a203610193c700010102',
    ],
    ['map ordered by value', map('82c70003c0a2036101'), '19:82c70003c0a2036101', '19:82c70003c0a2036101'],
    [
      'GeoJSON: loses its cells',
      { type: 23, value: Buffer.from('0000010000000000000001' + '7b7d', 'hex') },
      '23:0000007b7d',
      '23:0000007b7d',
    ],
  ])('%s', (_name, particle, result, stored) => {
    expect(resultOf('bin', existing({ v: particle }))).toBe(result)
    expect(storedCopy('copy', particle)).toBe(stored)
  })

  it.each([
    ['an integer of nine bytes is shortened', '91d30000000000000001', '1:0000000000000001'],
    ['a float of four bytes is widened', '91ca3fc00000', '2:3ff8000000000000'],
    ['the bin family has a type byte too', '91c40201ff', '4:ff'],
    ['text without a type is a blob without its first byte', '91a161', '4:'],
    ['a list is rewritten', '9192d30000000000000001c403040102', '20:9201a3040102'],
    ['an ordered list loses its flags', '9193c700010102', '20:920102'],
    [
      'integers of all widths, those of eight bytes signed',
      '9198ccffcdffffceffffffffcfffffffffffffffffd080d18000d280000000d38000000000000000',
      '20:98ccffcdffffceffffffffffd080d18000d280000000d38000000000000000',
    ],
    ['a list and a text with sizes of four bytes', '91dd00000001db000000020361', '20:91a20361'],
    ['a map and a text with sizes of two bytes', '91de0001da0002036101', '19:81a2036101'],
    ['a key that is there twice: the last', '9182a2036101a2036102', '19:81a2036102'],
    ['a blob as a key', '9182a204610100c2', '19:8200c2a2046101'],
    ['an empty text as a key is a blob', '9181a001', '19:81a10401'],
    ['keys that are none are left out', '9184cb3ff000000000000001a2177b0291000380a2036104', '19:80'],
    ['a string key is cut at a zero byte', '9181a403610062c3', '19:81a20361c3'],
    ['an extension is nil', '919201c70100ff', '20:9201c0'],
    ['an extension of a fixed size is nil', '919201d600000000ff02', '20:9201c0'],
    ['a size beyond the data: no arguments', '91dd7fffffff', '0:'],
    ['a text beyond the data: no arguments', '91da7fff0361', '0:'],
    ['an integer beyond the data: no arguments', '91ce000000', '0:'],
    ['no list: no arguments', '05', '0:'],
    ['truncated: no arguments', '92a50301', '0:'],
    ['illegal: no arguments', 'c1', '0:'],
    ['empty: no arguments', '', '0:'],
  ])('arguments: %s', (_name, hex, result) => {
    expect(resultOf('echo', existing(), Buffer.from(hex, 'hex'))).toBe(result)
  })

  it('takes arguments that are nested as deep as the wire allows, and none that are nested deeper', () => {
    const nested = (depth: number): Buffer => Buffer.alloc(depth, 0x91)
    const isGiven = (args: Buffer): string =>
      resultOf('echo', existing(), Buffer.concat([args, Buffer.of(0x90)]))
    expect(isGiven(nested(1000))).not.toBe('0:')
    expect(isGiven(nested(100_000))).toBe('0:')
  })

  it('fails a call with more arguments than Lua can take', () => {
    const args = Buffer.concat([Buffer.of(0xdd, 0, 0x10, 0, 0), Buffer.alloc(2 ** 20, 1)])
    const [outcome] = evaluateAll(runtime, ['1'], existing(), args)
    expect(outcome).toEqual({ kind: 'failure', message: 'too many results to unpack' })
  })

  it('stores an ordered list in order, whatever a script did to it', () => {
    const body = `do
      local l = rec.v
      for _, v in ipairs({1.5, true, list{1}, map{}, rec.b, false, "", list{}, -1.5, map{a = 1}, map{[1] = 2}, 0}) do list.append(l, v) end
      list.append(l, nil)
      rec.v = l
      aerospike:update(rec)
    end`
    const record = existing({ v: list('93c700010203'), b: blob('01') })
    const [outcome] = evaluateAll(runtime, [body], record)
    const stored = changedBin(outcome, 'v')
    // nil, false, true, integers, strings, lists, maps, blobs, doubles (protocol 8.1).
    const elements =
      'c0 c2 c3 00 02 03 a103 90 9101 80 810102 81a2036101 a20401 cbbff8000000000000 cb3ff8000000000000'
    expect(stored && hexOf(stored)).toBe(`20:dc0010c70001${elements.replaceAll(' ', '')}`)
  })
})

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.double({ noNaN: true }).map(value => new Double(value)),
  fc.string({ unit: 'binary', maxLength: 40 }).map(value => value.replaceAll('\0', '')),
  fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
)
const key = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 10 }).map(value => value.replaceAll('\0', '')),
)
const { value: anyValue } = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 8 }).map(entries => new Map(entries)),
  ),
}))

describe('any value', () => {
  it('comes back from an argument as it was', () => {
    fc.assert(
      fc.property(anyValue, value => {
        const outcome = runtime.apply('echo', 'echo', existing(), argumentsOf([value]), 1000)
        expect(outcome.kind === 'success' && Buffer.from(outcome.value.value)).toEqual(encodeMsgpack([value]))
      }),
      { numRuns: 100 },
    )
  })

  it('is stored as it was, copied whole or element by element', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 30 }), value => {
        const particle = { type: 20, value: encodeMsgpack(value) }
        expect(storedCopy('copy', particle)).toBe(hexOf(particle))
        expect(storedCopy('rebuild', particle)).toBe(hexOf(particle))
        expect(() => decodeMsgpack(particle.value)).not.toThrow()
      }),
      { numRuns: 100 },
    )
  })
})
