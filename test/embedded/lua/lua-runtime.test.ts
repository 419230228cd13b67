import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { LuaRuntime, type UdfRecord } from '../../../lib/embedded/lua/index.ts'
import {
  answerOf,
  argumentsOf,
  decoded,
  encodeMsgpack,
  existing,
  int,
  NO_ARGUMENTS,
  startRuntime,
  text,
} from './lua-lab.ts'

let runtime: LuaRuntime

beforeAll(async () => {
  runtime = await startRuntime()
})

afterAll(() => runtime.close())

beforeEach(() => {
  for (const { filename } of [...runtime.files()]) runtime.remove(filename)
})

function register(source: string, filename = 'm.lua'): unknown {
  return runtime.register(filename, Buffer.from(source))
}

function call(functionName: string, timeoutMs = 1000, moduleName = 'm'): unknown {
  return answerOf(runtime.apply(moduleName, functionName, existing(), NO_ARGUMENTS, timeoutMs))
}

describe('registration', () => {
  it.each([
    ['function f(rec) return 1', 1, "'end' expected near <eof>"],
    ['\n\nx = = 1', 3, "unexpected symbol near '='"],
    ['local x <const> = 1\nx = 2', 2, "attempt to assign to const variable 'x'"],
    ['error("at load time")', 1, 'at load time'],
    ['local x = nil; x.y = 1', 1, "attempt to index a nil value (local 'x')"],
    ['error({})', 0, '(Null error message returned by lua)'],
    ['\u001bLua', 0, 'm.lua: bad binary format (truncated chunk)'],
    ['while true do end', 0, 'UDF Execution Timeout'],
  ])('refuses %j', (source, line, message) => {
    expect(register(source)).toEqual({ ok: false, line, message })
    expect([...runtime.files()]).toEqual([])
  })

  it('accepts code without functions', () => {
    expect(register('')).toEqual({ ok: true })
    expect(register('-- nothing')).toEqual({ ok: true })
  })

  it('lists what is registered with its hash, and forgets what is removed', () => {
    register('function f() return 1 end')
    expect([...runtime.files()]).toEqual([
      {
        filename: 'm.lua',
        source: Uint8Array.from(Buffer.from('function f() return 1 end')),
        sha1: '56f50b9dfcd0393b2e76e8e390381539ef5a1aff',
      },
    ])
    expect(call('f')).toBe(1)
    runtime.remove('m.lua')
    runtime.remove('m.lua')
    expect([...runtime.files()]).toEqual([])
    expect(call('f')).toEqual({ failure: 'UDF: Execution Error 1' })
  })

  it('replaces a module, but keeps it when the new one is refused', () => {
    register('function f() return "old" end')
    expect(call('f')).toBe('old')
    register('function f() return ')
    expect(call('f')).toBe('old')
    register('function f() return "new" end')
    expect(call('f')).toBe('new')
  })

  it('lets a module require another, as it is now', () => {
    register('return {twice = function(n) return n * 2 end}', 'lib.lua')
    expect(register('local lib = require("lib") function f() return lib.twice(21) end')).toEqual({ ok: true })
    expect(call('f')).toBe(42)
    register('return {twice = function(n) return n * 20 end}', 'lib.lua')
    expect(call('f')).toBe(420)
    expect(register('require("nope")', 'bad.lua')).toMatchObject({
      ok: false,
      message: /module 'nope' not found/,
    })
  })

  it('answers with the error of the server when a module no longer loads', () => {
    register('return {}', 'lib.lua')
    register('require("lib") function f() return 1 end')
    runtime.remove('lib.lua')
    expect(call('f')).toEqual({ failure: 'UDF: Execution Error 1' })
  })
})

describe('state', () => {
  it('is the module’s own, kept from call to call', () => {
    const counter =
      'local n = 0 total = total or 0 function f() n = n + 1 total = total + 1 return n * 100 + total end'
    register(counter)
    register(counter, 'other.lua')
    expect([call('f'), call('f'), call('f', 1000, 'other')]).toEqual([101, 202, 101])
    register('function g() return 1 end', 'third.lua')
    expect(call('f')).toBe(101)
  })

  it('holds no record of an earlier call', () => {
    register('function f(rec) rec.x = (rec.x or 0) + 1 return rec.x end')
    expect([call('f'), call('f')]).toEqual([2, 2])
  })
})

describe('limits', () => {
  it.each([
    ['an endless loop', 'while true do end'],
    ['an endless loop inside pcall', 'while true do pcall(function() while true do end end) end'],
    [
      'nested pcalls',
      'local function p(n) if n == 0 then while true do end end pcall(p, n - 1) while true do end end p(20)',
    ],
    ['a coroutine', 'local c = coroutine.wrap(function() while true do end end) while true do pcall(c) end'],
    ['an error handler', 'xpcall(function() while true do end end, function() while true do end end)'],
    [
      'a closing variable',
      'local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end',
    ],
    ['calls of what runs without the hook only', 'while true do aerospike:exists(rec) end'],
    ['library calls only', 'local l = list() while true do list.append(l, 1) list.remove(l, 1) end'],
  ])('stop %s at the deadline', (_name, body) => {
    register(`function f(rec) ${body} end function ok() return "fine" end`)
    const start = performance.now()
    expect(call('f', 20)).toEqual({ failure: 'UDF Execution Timeout' })
    expect(performance.now() - start).toBeLessThan(500)
    expect(call('ok')).toBe('fine')
  })

  it('give the next call its full time', () => {
    register(
      'function spin() while true do end end function work() local s = 0 for i = 1, 100000 do s = s + 1 end return s end',
    )
    expect(call('spin', 20)).toEqual({ failure: 'UDF Execution Timeout' })
    expect(call('work')).toBe(100_000)
  })

  it('end a finalizer that never returns', () => {
    register('setmetatable({}, {__gc = function() while true do end end}) function f() return 1 end')
    expect(call('f')).toBe(1)
    expect(register('function f() return 2 end')).toEqual({ ok: true })
    expect(call('f')).toBe(2)
  })

  it.each([
    ['of Lua functions', 'local function g(n) return 1 + g(n + 1) end return g(1)', /stack overflow/],
    ['of C functions', 'local function g() return (("x"):gsub("x", g)) end return g()', /C stack overflow/],
    [
      'of metamethods',
      'local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]',
      /C stack overflow/,
    ],
    ['of a list in itself', 'local l = list() list.append(l, l) return l', /stack overflow/],
    ['of a map printed in itself', 'local m = map() m.m = m return tostring(m)', /stack overflow/],
  ])('catch recursion %s', (_name, body, message) => {
    register(`function f() ${body} end function ok() return "fine" end`)
    expect(call('f', 60_000)).toEqual({ failure: expect.stringMatching(message) })
    expect(call('ok')).toBe('fine')
  })

  it('survive the exhaustion of memory, and keep all modules', async () => {
    register('function ok() return "fine" end', 'other.lua')
    register(
      'function f() local s, t = ("x"):rep(100000), {} while true do t[#t + 1] = s .. #t end end function ok() return 1 end',
    )
    expect(call('f', 10_000)).toEqual({ failure: 'not enough memory' })
    expect(call('ok')).toBe(1)
    expect(call('ok', 1000, 'other')).toBe('fine')
  })

  it('take large arguments and results', () => {
    register('function f(rec, s) rec.s = s .. s aerospike:update(rec) return #s end')
    const outcome = runtime.apply('m', 'f', existing(), argumentsOf('y'.repeat(1_000_000)), 1000)
    expect(answerOf(outcome)).toBe(1_000_000)
    expect(outcome).toMatchObject({ kind: 'success', change: { kind: 'write' } })
  })
})

describe('aggregation', () => {
  const records = function* (count: number): Generator<UdfRecord> {
    for (let i = 0; i < count; i++) yield existing({ i: int(i), g: text(`s${i % 2}`) })
  }

  function aggregate(body: string, count = 10, args: Uint8Array = NO_ARGUMENTS): unknown {
    expect(register(`function f(s, a) ${body} end`)).toEqual({ ok: true })
    const outcome = runtime.aggregate('m', 'f', records(count), args, 1000)
    return outcome.kind === 'success' ? outcome.values.map(decoded) : outcome.message
  }

  it('runs filter, map, aggregate and reduce, up to the first reduce', () => {
    const sum = ': map(function(r) return r.i end) : reduce(function(a, b) return a + b end)'
    expect(aggregate(`return s ${sum}`)).toEqual([45])
    expect(
      aggregate(`return s : filter(function(r) return r.i >= a end) ${sum}`, 10, argumentsOf(5)),
    ).toEqual([35])
    expect(aggregate(`return s ${sum} : map(function() return "by the client" end)`)).toEqual([45])
    expect(aggregate('return s : map(function(r) return r.g end)', 3)).toEqual(['s0', 's1', 's0'])
    const group = 'return s : aggregate(map(), function(m, r) m[r.g] = (m[r.g] or 0) + 1 return m end)'
    expect(aggregate(`${group} : reduce(map.merge)`, 5)).toEqual([
      encodeMsgpack(
        new Map([
          ['s0', 3],
          ['s1', 2],
        ]),
      )
        .toString('hex')
        .replace('83c70001c0', '82'),
    ])
  })

  it('groups by what a function answers', () => {
    const values = 'return s : map(function(r) return r.i end) : groupby(function(i) return i % 2 end)'
    expect(aggregate(values, 5)).toEqual(['82009300020401920103'])
    // A record is no value of a list, and nil is no key of a map.
    expect(aggregate('return s : groupby(function(r) return r.g end)', 2)).toEqual(['82a303733090a303733190'])
    expect(aggregate('return s : groupby()', 2)).toEqual(['80'])
  })

  it('shows records as they are, whatever a function does to them', () => {
    const body = 'r.i = 99 r.new = 99 return tostring(r.i) .. tostring(r.new)'
    expect(aggregate(`return s : map(function(r) ${body} end)`, 1)).toEqual(['0nil'])
    const calls = ['create', 'update', 'remove'].map(call => `aerospike:${call}(r)`)
    expect(aggregate(`return s : map(function(r) return list{${calls}, r.i} end)`, 1)).toEqual(['9401010100'])
    expect(aggregate('return s : map(function(r) r.x = {} end)', 1)).toBe(
      "UDF: Execution Error 2 : /udf/m.lua:1: can't set bin x to unsupported type",
    )
  })

  it('makes no row of what is no value, and one of null of a record', () => {
    const mixed = 'if r.i % 2 == 0 then return {1} end return r.i'
    expect(aggregate(`return s : map(function(r) ${mixed} end)`, 5)).toEqual([1, 3])
    expect(aggregate('return s : map(function() return print end)', 3)).toEqual([])
    expect(aggregate('return s : aggregate(0, function() return {1} end)', 3)).toEqual([])
    expect(aggregate('return s', 2)).toEqual([null, null])
  })

  it('answers nothing of no records, but an aggregate answers what it started with', () => {
    expect(aggregate('return s : map(function(r) return r.i end)', 0)).toEqual([])
    expect(aggregate('return s : aggregate(7, function(n) return n + 1 end)', 0)).toEqual([7])
    expect(aggregate('return s : reduce(function(a) return a end)', 0)).toEqual([])
  })

  it('names what fails', () => {
    expect(aggregate('return s : map(function(r) return r.i.x end)')).toBe(
      "UDF: Execution Error 2 : /udf/m.lua:1: attempt to index a number value (field 'i')",
    )
    expect(answerOf({ kind: 'failure', message: '' })).toEqual({ failure: '' })
    const outcome = runtime.aggregate('m', 'nope', records(1), NO_ARGUMENTS, 1000)
    expect(outcome).toEqual({ kind: 'failure', message: 'UDF: Execution Error 2 : function not found' })
  })
})

describe('closing', () => {
  it('refuses everything afterwards', async () => {
    const closed = await LuaRuntime.create()
    closed.register('m.lua', Buffer.from('function f() end'))
    closed.close()
    expect(() => closed.apply('m', 'f', existing(), NO_ARGUMENTS, 1000)).toThrow('the Lua runtime is closed')
    expect(() => closed.register('m.lua', Buffer.from(''))).toThrow('the Lua runtime is closed')
  })
})
