import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { LuaRuntime } from '../../../lib/embedded/lua/index.ts'
import { answersTo, type Expectations, existing, failure, list, map, startRuntime } from './lua-lab.ts'

// What is expected here was answered by a real server (8.1.2).

const RECORD = existing({ l: list('930102a20378'), m: map('83c70001c0a2036101a2036202') })

let runtime: LuaRuntime
beforeAll(async () => {
  runtime = await startRuntime()
})
afterAll(() => runtime.close())

function check(expectations: Expectations): void {
  const bodies = expectations.map(([body]) => body)
  const answers = answersTo(runtime, bodies, RECORD)
  expect(bodies.map((body, at) => [body, answers[at]])).toEqual(expectations)
}

describe('an iterator', () => {
  it('gives nothing without its state', () => {
    check([
      ['local f = list.iterator(rec.l) for v in f do return v end return "none"', 'none'],
      ['local f = list.iterator(rec.l) return select("#", f()) + select("#", f(nil))', 0],
      [
        'local f = map.keys(rec.m) return tostring(f())',
        failure("@ bad argument #1 to 'tostring' (value expected)"),
      ],
    ])
  })

  it('gives one after the other when it is called with its state, and at the end nothing', () => {
    check([
      ['local f, s = list.iterator(rec.l) return tostring(list{f(s), f(s), f(s)})', '[1, 2, "x"]'],
      ['local f, s = list.iterator(rec.l) f(s) f(s) f(s) return select("#", f(s))', 0],
      ['local f, s = map.pairs(rec.m) local k, v = f(s) return k .. v .. f(s)', 'a1b'],
      ['local f, s = map.values(rec.m) f(s) f(s) return select("#", f(s))', 0],
    ])
  })

  it('has a state that any function of its kind goes on with, and no other', () => {
    check([
      [
        'local f, s = list.iterator(rec.l) local g = list.iterator(list{7}) f(s) return tostring(f == g) .. g(s)',
        'true2',
      ],
      ['local f = list.iterator(rec.l) local g = map.keys(rec.m) return f == g', false],
      ['local f, s = list.iterator(rec.l) local g = map.keys(rec.m) return select("#", g(s))', 0],
    ])
  })

  it('is an object of its own kind, which cannot be stored', () => {
    check([
      [
        'local _, s = list.iterator(rec.l) return (tostring(s):gsub("0x%x+", "ADDRESS"))',
        'Iterator: ADDRESS',
      ],
      ['local _, s = list.iterator(rec.l) return s', null],
      [
        'local _, s = list.iterator(rec.l) return list.size(s)',
        failure("@ bad argument #1 to 'size' (List expected, got Iterator)"),
      ],
      ['local _, s = list.iterator(rec.l) rec.x = s', failure("@ can't set bin x to unsupported type")],
    ])
  })

  it('can be asked for the next one, and whether there is one', () => {
    check([
      ['local _, s = list.iterator(rec.l) return iterator.next(s) + s:next()', 3],
      [
        'local f, s = list.iterator(list{1}) local first = s:has_next() f(s) return first ~= s:has_next()',
        true,
      ],
      ['local _, s = map.keys(rec.m) return type(iterator.next(s))', 'userdata'],
      ['local f, s = map.keys(rec.m) s:next() return f(s)', 'b'],
      ['iterator.next(rec.l)', failure("@ bad argument #1 to 'next' (Iterator expected, got List)")],
      ['iterator()', failure("@ bad argument #1 to 'iterator' (userdata expected, got table)")],
    ])
  })
})
