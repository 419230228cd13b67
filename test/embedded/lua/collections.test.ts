import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { LuaRuntime } from '../../../lib/embedded/lua/index.ts'
import { answersTo, blob, type Expectations, existing, failure, list, map, startRuntime } from './lua-lab.ts'

// What a Community Edition 8.1.2 answered to the same functions.

let runtime: LuaRuntime

beforeAll(async () => {
  runtime = await startRuntime()
})

afterAll(() => runtime.close())

const RECORD = existing({
  b: blob('010203'),
  l: list('9401a20361910281a2036b01'),
  ordered: list('94c70001010203'),
  m: map('83c70001c0a2036101a2036202'),
})

function check(expectations: Expectations): void {
  const answers = answersTo(
    runtime,
    expectations.map(([expression]) => expression),
    RECORD,
  )
  expect(expectations.map(([expression], i) => [expression, answers[i]])).toEqual(expectations)
}

describe('list', () => {
  it('is made of tables and capacities', () => {
    check([
      ['tostring(list{1, "a", true, 1.5})', '[1, "a", true, 1.5]'],
      ['tostring(list{1, nil, 3})', '[1, 3]'],
      ['tostring(list{1, {}, print, list{2}})', '[1, NIL, NIL, [2]]'],
      ['tostring(list(1, 2, 3))', '[]'],
      ['tostring(list{a = 1})', '[]'],
      ['tostring(list.create(5))', '[]'],
      ['list.create(-1)', null],
      ['list.create()', null],
      ['type(list()) .. tostring(getmetatable(list()) == List)', 'userdatatrue'],
    ])
  })

  it('is read by 1-based index', () => {
    check([
      ['list{10, 20}[1]', 10],
      ['list{10, 20}[0]', null],
      ['list{10, 20}[3]', null],
      ['list{10}[1.0]', 10],
      ['list{10}["1"]', 10],
      ['list{10}["a"]', failure("@ bad argument #2 to 'index' (number expected, got string)")],
      ['list{10}[1.5]', failure("@ bad argument #2 to 'index' (number has no integer representation)")],
      ['list{10}:size()', failure("@ bad argument #2 to 'index' (number expected, got string)")],
      ['#list{1, 2, 3}', 3],
      ['local n = 0 for i, v in ipairs(rec.ordered) do n = n + i * v end return n', 14],
      [
        'for k in pairs(list{1}) do end',
        failure("@ bad argument #1 to 'for iterator' (table expected, got List)"),
      ],
      ['rec.l[3][1]', 2],
      ['rec.l[4].k', 1],
    ])
  })

  it('is written by index and by functions', () => {
    check([
      ['local l = list{1} l[3] = 9 return tostring(l)', '[1, NIL, 9]'],
      ['local l = list{1, 2} l[1] = nil return tostring(l)', '[NIL, 2]'],
      ['local l = list{1} l[0] = 9 l[1] = {} return tostring(l)', '[1]'],
      [
        'local l = list{1} list.append(l, nil) list.append(l, {}) list.append(l, rec) return tostring(l)',
        '[1, NIL]',
      ],
      ['local l = list{1} list.prepend(l, 0) return tostring(l)', '[0, 1]'],
      ['local l = rec.l list.prepend(l, 0) return tostring(l)', '[0, 1, "a", [2], {"k":1}]'],
      ['local l = list{1, 3} list.insert(l, 2, 2) return tostring(l)', '[1, 2, 3]'],
      ['local l = list{1} list.insert(l, 4, 9) return tostring(l)', '[1, NIL, NIL, 9]'],
      ['local l = rec.l list.remove(l, 2) return tostring(l)', '[1, [2], {"k":1}]'],
      ['local l = list{1, 2, 3, 4} list.trim(l, 2) return tostring(l)', '[1]'],
      ['local l = list{1} list.concat(l, list{2, 3}) return tostring(l)', '[1, 2, 3]'],
      ['local l = list{1} list.concat(l, l) return tostring(l)', '[1, 1]'],
      ['list.append(list{1}, 2)', null],
      ['list.append(nil, 1)', failure("@ bad argument #1 to 'append' (userdata expected, got nil)")],
      ['list.size(map())', failure("@ bad argument #1 to 'size' (List expected, got Map)")],
      ['list.size()', failure("@ bad argument #1 to 'size' (userdata expected, got no value)")],
      [
        'list.insert(list(), 1.5, 1)',
        failure("@ bad argument #2 to 'insert' (number has no integer representation)"),
      ],
      [
        'local f = list.size return f(5)',
        failure("@ bad argument #1 to 'f' (userdata expected, got number)"),
      ],
      ['select(2, pcall(list.size, 5))', "bad argument #1 to '?' (userdata expected, got number)"],
    ])
  })

  it('is copied in parts, and shares what is in it', () => {
    check([
      ['tostring(list.take(list{1, 2, 3}, 2))', '[1, 2]'],
      ['tostring(list.take(list{1, 2, 3}, 9))', '[1, 2, 3]'],
      ['list.take(list{1}, 0)', null],
      ['tostring(list.drop(list{1, 2, 3}, 1))', '[2, 3]'],
      ['list.drop(list{1}, 0)', null],
      ['tostring(list.merge(list{1}, list{2}))', '[1, 2]'],
      ['local a = list{1} local b = list.clone(a) list.append(b, 2) return tostring(a)', '[1]'],
      ['local a = list{list{1}} list.append(list.clone(a)[1], 2) return tostring(a)', '[[1, 2]]'],
      ['local a = list{1} local b = list{a} list.append(a, 2) return tostring(b)', '[[1, 2]]'],
    ])
  })

  it('is iterated as it is at each step, up to a nil', () => {
    check([
      ['local n = 0 for v in list.iterator(list{1, 2, 3}) do n = n + v end return n', 6],
      [
        'local l, n = list{1, 2, 3}, 0 for v in list.iterator(l) do n = n + 1 list.remove(l, 1) end return n',
        2,
      ],
      ['local l, n = list{1}, 0 l[3] = 3 for v in list.iterator(l) do n = n + 1 end return n', 1],
      ['select("#", list.iterator(list{1}))', 2],
    ])
  })

  it('is a new object each time it is read, equal to itself only', () => {
    check([
      ['rec.l == rec.l', false],
      ['local l = rec.l return l == l', true],
      ['list{1} == list{1}', false],
      ['local x = list{} return list{x}[1] == x', false],
    ])
  })

  it('tells its size as msgpack without the flags of lists', () => {
    check([
      ['list.nbytes(list{"abc", 300, -5, 1.5, true, bytes(), list{1}, map{a = 1}})', 29],
      ['list.nbytes(rec.ordered)', 4],
    ])
  })
})

describe('map', () => {
  it('takes integers, strings and bytes as keys, and nothing else', () => {
    check([
      ['tostring(map{a = 1, [5] = "x"})', '{5:"x", "a":1}'],
      ['local m = map() m[true] = 1 m[1.5] = 1 m[list()] = 1 m[1.0] = 1 return #m', 0],
      ['map{[1] = 5}[1.0]', null],
      ['map{[1] = 5}["1"]', null],
      ['map{a = 1}[nil]', null],
      ['local k = rec.b local m = map() m[k] = 7 return m[bytes.get_bytes(k, 1, 3)]', 7],
      ['local m = map() m["a\\0b"] = 1 return m["a\\0c"]', 1],
      ['map{a = 1}:size()', failure("@ attempt to call a nil value (method 'size')")],
    ])
  })

  it('stores nil, and removes a key that gets what cannot be stored', () => {
    check([
      ['local m = map{a = 1} m.b = nil return tostring(m) .. #m', '{"a":1, "b":NIL}2'],
      ['local m = map{a = 1} m.a = {} return #m', 0],
      ['local m = map{a = 1} m.a = print return #m', 0],
      ['local m = map{a = 1} m.a = rec return #m', 1],
      ['local m = map{a = 1} map.remove(m, "a") map.remove(m, "b") return #m', 0],
      ['tostring(map{a = {}, b = print, c = 1})', '{"c":1}'],
      ['map.create(0)', null],
      ['map({a = 1}, "x")', failure("@ bad argument #3 to 'map' (number expected, got string)")],
    ])
  })

  it('is iterated in the order of keys, as it is at each step', () => {
    check([
      [
        'local m, s = map{Z = 0, a = 1, [9] = 2, [-3] = 1, [""] = 4}, "" m[rec.b] = 7 for k, v in map.pairs(m) do s = s .. tostring(k) .. "=" .. v .. ";" end return s',
        '-3=1;9=2;=4;Z=0;a=1;01 02 03=7;',
      ],
      [
        'local m, n = map{a = 1, b = 2, c = 3}, 0 for k in map.keys(m) do map.remove(m, k) n = n + 1 end return n',
        2,
      ],
      [
        'local m, n = map{a = 1}, 0 for k in map.keys(m) do n = n + 1 if n < 5 then m[k .. "x"] = 1 end end return n',
        5,
      ],
      [
        'local m, s = map{a = 1}, "" m.b = nil for k, v in map.pairs(m) do s = s .. k .. tostring(v) end return s',
        'a1bnil',
      ],
      ['local n = 0 for v in map.values(rec.m) do n = n + v end return n', 3],
      ['map.pairs(5)', failure("@ bad argument #1 to 'pairs' (userdata expected, got number)")],
    ])
  })

  it('is merged, compared and copied', () => {
    check([
      ['tostring(map.merge(map{a = 1, b = 2}, map{b = 3, c = 4}))', '{"a":1, "b":3, "c":4}'],
      [
        'tostring(map.merge(map{a = 1, b = 2}, map{b = 3}, function(x, y) return x + y end))',
        '{"a":1, "b":5}',
      ],
      ['tostring(map.merge(map{a = 1}, map{a = 2}, function() return nil end))', '{"a":2}'],
      ['tostring(map.merge(map{a = false}, map{a = 2}, function() return 9 end))', '{"a":2}'],
      ['map.merge(map{a = 1}, map{a = 2}, function() error("in it") end)', failure('@ in it')],
      ['tostring(map.diff(map{a = 1, b = 2}, map{b = 3, c = 4}))', '{"a":1, "c":4}'],
      ['local a = map{x = 1} local b = map.clone(a) b.y = 2 return #a', 1],
      ['map.nbytes(map{a = 1})', 5],
    ])
  })
})

describe('bytes', () => {
  it('has no bytes at first, and grows when written', () => {
    check([
      ['bytes.size(bytes(3))', 0],
      ['#rec.b', 0],
      ['bytes.size(rec.b)', 3],
      ['local b = bytes(2) b[5] = 1 return b', { hex: '0000000001' }],
      ['local b = bytes() b[1] = 256 b[2] = -1 b[0] = 1 return b', { hex: '' }],
      ['local b = bytes() b[1] = "7" b["2"] = 8 b[3] = nil return b', { hex: '070800' }],
      ['local b = rec.b b[2] = 9 return bytes.get_string(b, 1, 3) .. b[2]', '\x01\t\x039'],
      ['bytes.set_byte(bytes(), 1, 7)', true],
      ['bytes.set_byte(bytes(), 1, 256)', false],
      ['bytes.set_byte(bytes(), 1)', false],
      [
        'bytes.append_byte(rec.b, 1.5)',
        failure("@ bad argument #2 to 'append_byte' (number has no integer representation)"),
      ],
      ['bytes("x")', failure("@ bad argument #2 to 'bytes' (number expected, got string)")],
      ['bytes.size(5)', failure("@ bad argument #1 to 'size' (userdata expected, got number)")],
      ['rec.b.x', failure("@ bad argument #2 to 'index' (number expected, got string)")],
      ['tostring(rec.b) .. tostring(bytes())', '01 02 03Bytes()'],
    ])
  })

  it('reads single bytes', () => {
    check([
      ['rec.b[1]', 1],
      ['rec.b[3.0]', 3],
      ['rec.b["2"]', 2],
      ['rec.b[0]', null],
      ['rec.b[4]', null],
      ['rec.b[nil]', null],
      ['bytes.get_byte(rec.b, 2)', 2],
      ['bytes.get_byte(rec.b, 2, 3)', null],
      ['local n = 0 for i, v in ipairs(rec.b) do n = n + v end return n', 6],
    ])
  })

  it('reads and writes integers of both ends', () => {
    check([
      [
        'local b = bytes() bytes.append_int16(b, -2) bytes.append_int32_le(b, 258) return b',
        { hex: 'fffe02010000' },
      ],
      [
        'local b = bytes() bytes.set_int64(b, 1, math.mininteger) return bytes.get_int64(b, 1) == math.mininteger',
        true,
      ],
      ['local b = bytes() bytes.set_int32(b, 3, 1) return b', { hex: '000000000001' }],
      ['bytes.set_int16(bytes(), 1, 32768)', false],
      ['bytes.set_int32(bytes(), 1, 3000000000)', false],
      ['bytes.set_int64(bytes(), 0, 1)', false],
      ['bytes.get_int16(rec.b, 2)', 0x0203],
      ['bytes.get_int16_le(rec.b, 1)', 0x0201],
      ['bytes.get_int16(rec.b, 3)', null],
      [
        'bytes.set_int16(bytes(), 1, 1.5)',
        failure("@ bad argument #3 to 'set_int16' (number has no integer representation)"),
      ],
    ])
  })

  it('reads and writes parts', () => {
    check([
      ['local b = bytes() bytes.set_string(b, 2, "a\\0b") return b', { hex: '00610062' }],
      ['bytes.append_string(rec.b, "")', false],
      ['local b = rec.b bytes.set_string(b, 2, "xyz") return b', { hex: '0178797a' }],
      ['local b = rec.b bytes.set_bytes(b, 5, rec.b, 2) return b', { hex: '010203000102' }],
      ['bytes.set_bytes(bytes(), 1, rec.b, 4)', false],
      ['local b = bytes(8) bytes.set_bytes(b, 2, rec.b, 4) return b', { hex: '0001020300' }],
      ['bytes.set_bytes(bytes(8), 2, rec.b, 9)', false],
      ['local b = bytes() bytes.append_bytes(b, rec.b, 99) return b', { hex: '010203' }],
      ['local b = rec.b bytes.append_bytes(b, b, 3) return b', { hex: '010203010203' }],
      ['bytes.get_bytes(rec.b, 2, 2)', { hex: '0203' }],
      ['bytes.get_bytes(rec.b, 2)', null],
      ['bytes.get_string(rec.b, 4, 5)', ''],
      [
        'bytes.append_bytes(rec.b, list(), 1)',
        failure("@ bad argument #2 to 'append_bytes' (Bytes expected, got List)"),
      ],
    ])
  })

  it('keeps integers of variable length beyond its size', () => {
    check([
      ['local b = bytes(10) bytes.set_var_int(b, 1, 300) return b', { hex: '' }],
      [
        'local b = bytes(10) bytes.set_var_int(b, 1, 300) return tostring(list{bytes.get_var_int(b, 1)})',
        '[300, 2]',
      ],
      ['local b = bytes() bytes.append_var_int(b, -7) return bytes.get_var_int(b, 1)', -7],
      ['bytes.append_var_int(bytes(), 2147483648)', 0],
      ['local b = rec.b bytes.set_var_int(b, 2, 300) return b', { hex: '01ac02' }],
    ])
  })

  it('tells a capacity and a type', () => {
    check([
      ['bytes.set_size(bytes(5), 5)', true],
      ['bytes.set_size(bytes(5), 6)', false],
      ['bytes.get_type(rec.b)', 4],
      ['local b = bytes() bytes.set_type(b, 7) return bytes.get_type(b)', 7],
      ['bytes.set_type(bytes(), 0)', false],
    ])
  })
})
