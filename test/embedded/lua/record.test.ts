import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { LuaRuntime, UdfRecord } from '../../../lib/embedded/lua/index.ts'
import {
  answerOf,
  answersTo,
  blob,
  changeOf,
  type Expectations,
  evaluateAll,
  existing,
  failure,
  int,
  list,
  missing,
  NO_ARGUMENTS,
  startRuntime,
  text,
} from './lua-lab.ts'

let runtime: LuaRuntime

beforeAll(async () => {
  runtime = await startRuntime()
})

afterAll(() => runtime.close())

const RECORD = existing(
  { i: int(5), s: text('abc'), l: list('920102') },
  { userKey: text('k'), ttlSeconds: 1000, generation: 3 },
)

function check(record: UdfRecord, expectations: Expectations): void {
  const answers = answersTo(
    runtime,
    expectations.map(([expression]) => expression),
    record,
  )
  expect(expectations.map(([expression], i) => [expression, answers[i]])).toEqual(expectations)
}

describe('bins of a record', () => {
  it('of any number and name are found, scalars among others', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, int(i)]))
    const odd = { 's "a\n': text('x'), 'i "%d\n': int(7), end: int(8) }
    check(existing({ ...many, ...odd }), [
      ['rec.n0 + rec.n149 + rec.n150 + rec.n299', 598],
      [`rec['i "%d\\n']`, 7],
      [`rec['s "a\\n']`, 'x'],
      [`rec['end']`, 8],
      ['rec.n300', null],
    ])
  })

  it('that are absent can be assigned, read and removed, whatever was asked before', () => {
    check(RECORD, [
      // By the third time the name is known to be none of a bin.
      ['rec.other or rec.other or rec.other', null],
      ['(function() rec.other = list{1}; return rec.other[1] end)()', 1],
      ['(function() rec.other = 2; local two = rec.other; rec.other = nil; return two, rec.other end)()', 2],
      ['rec.other', null],
    ])
  })
})

describe('functions of a record', () => {
  it('that exists', () => {
    check(RECORD, [
      ['record.gen(rec)', 3],
      ['record.ttl(rec)', 1000],
      ['record.numbins(rec)', 3],
      ['record.setname(rec)', 'demo'],
      ['record.key(rec)', 'k'],
      ['record.digest(rec)', { hex: 'ab'.repeat(20) }],
      ['record.last_update_time(rec)', 500_000_000_000],
      ['record.size(rec) + record.memory_size(rec)', 320],
      ['record.device_size(rec)', 0],
      ['table.concat(record.bin_names(rec), ",")', 'i,s,l'],
      ['aerospike:exists(rec)', true],
      ['type(rec)', 'userdata'],
      ['(tostring(rec):gsub("0x%x+", "ADDRESS"))', 'Record: ADDRESS'],
    ])
  })

  it('that is missing', () => {
    check(missing(), [
      [
        'record.gen(rec) + record.ttl(rec) + record.numbins(rec) + record.size(rec) + record.last_update_time(rec)',
        0,
      ],
      ['record.setname(rec)', null],
      ['record.key(rec)', null],
      ['bytes.size(record.digest(rec))', 20],
      ['record.bin_names(rec)', failure("@ can't get bin names")],
      ['rec.x', null],
      ['aerospike:exists(rec)', false],
    ])
  })

  it('given anything else', () => {
    check(RECORD, [
      ['record.gen()', failure("@ bad argument #1 to 'gen' (userdata expected, got no value)")],
      ['record.gen(nil)', failure("@ bad argument #1 to 'gen' (userdata expected, got nil)")],
      ['record.gen(list())', failure("@ bad argument #1 to 'gen' (Record expected, got List)")],
      ['record.gen(io.stdout)', failure("@ bad argument #1 to 'gen' (Record expected, got FILE*)")],
      ['aerospike:update()', failure("@ bad argument #1 to 'update' (Record expected, got no value)")],
      ['aerospike:update(list())', failure("@ bad argument #1 to 'update' (Record expected, got List)")],
      ['aerospike.update(rec)', failure("@ bad argument #1 to 'update' (Aerospike expected, got Record)")],
      [
        'local t = {f = record.gen} return t:f()',
        failure("@ calling 'f' on bad self (userdata expected, got table)"),
      ],
      ['rec:gen()', failure("@ attempt to call a nil value (method 'gen')")],
      ['#rec', failure("@ attempt to get length of a Record value (local 'rec')")],
    ])
  })

  it('with bin names of all kinds', () => {
    check(existing({ '1': int(7), i: int(5) }), [
      ['rec[1]', 7],
      ['rec["i\\0x"]', 5],
      ['rec[nil]', null],
      ['rec.abcdefghijklmnop', null],
      ['rec[true]', failure("@ bad argument #2 to 'index' (string expected, got boolean)")],
      ['do rec[{}] = 1 end', failure("@ bad argument #2 to 'newindex' (string expected, got table)")],
    ])
  })

  it('reads a key of each kind that a record can have', () => {
    const keys = [text('k'), int(55), blob('0102'), undefined]
    const answers = keys.map(userKey => answersTo(runtime, ['record.key(rec)'], existing({}, { userKey }))[0])
    expect(answers).toEqual(['k', 55, { hex: '0102' }, null])
  })

  it('reads the key of a record that was created, not of one that may be, nor one that was dropped', () => {
    const created = '(function() rec.x = 1 aerospike:create(rec) return record.key(rec) end)()'
    const dropped = '(function() record.drop_key(rec) return record.key(rec) end)()'
    const userKey = text('k')
    const asked = (record: UdfRecord, question: string) => answersTo(runtime, [question], record)[0]
    expect(asked({ ...missing(), userKey }, 'record.key(rec)')).toBeNull()
    expect(asked({ ...missing(), userKey }, created)).toBe('k')
    expect(asked(existing({}, { userKey }), dropped)).toBeNull()
  })
})

const CLEAR = 'for _, n in ipairs(record.bin_names(rec)) do rec[n] = nil end'

/** Body, answer, and bins or fate of the record. */
type Commit = readonly [body: string, answer: unknown, change: unknown]

function checkCommits(record: UdfRecord, commits: readonly Commit[]): void {
  const outcomes = evaluateAll(
    runtime,
    commits.map(([body]) => body),
    record,
  )
  expect(
    outcomes.map((outcome, i) => [commits[i]?.[0], answerOf(outcome), changeOf(outcome, record)]),
  ).toEqual(commits)
}

describe('what becomes of a record', () => {
  it('that exists', () => {
    const record = existing({ a: int(1), b: int(2) })
    checkCommits(record, [
      ['do rec.a = 9 return rec.a end', 9, 'none'],
      ['aerospike:update(rec)', 0, { a: 1, b: 2 }],
      ['do rec.a = 9 return aerospike:update(rec) end', 0, { a: 9, b: 2 }],
      ['do rec.a = 8 aerospike:update(rec) rec.a = 9 return rec.a end', 9, { a: 8, b: 2 }],
      [
        'do rec.a = 8 aerospike:update(rec) rec.c = 9 return aerospike:update(rec) end',
        0,
        { a: 8, b: 2, c: 9 },
      ],
      ['do rec.a = nil return aerospike:update(rec) end', 0, { b: 2 }],
      ['do rec.a = nil aerospike:update(rec) rec.a = 7 return aerospike:update(rec) end', 0, { b: 2, a: 7 }],
      ['do rec.zz = nil return aerospike:update(rec) end', 0, { a: 1, b: 2 }],
      [`do ${CLEAR} return aerospike:update(rec) end`, 0, 'remove'],
      [`do ${CLEAR} aerospike:update(rec) rec.c = 3 return aerospike:create(rec) end`, 0, { c: 3 }],
      ['do rec.a = 9 return aerospike:create(rec) end', 1, 'none'],
      ['aerospike:remove(rec)', 0, 'remove'],
      [
        'do aerospike:remove(rec) return tostring(rec.a) .. record.numbins(rec) .. tostring(aerospike:exists(rec)) end',
        'nil0true',
        'remove',
      ],
      ['do rec.a = 9 aerospike:remove(rec) return aerospike:create(rec) end', 0, 'remove'],
      ['do aerospike:remove(rec) rec.c = 3 return aerospike:create(rec) end', 0, { c: 3 }],
      [
        'do aerospike:remove(rec) rec.c = 3 aerospike:update(rec) return aerospike:create(rec) end',
        1,
        { c: 3 },
      ],
      ['do rec.a = 9 aerospike:update(rec) return record.gen(rec) end', 3, { a: 9, b: 2 }],
      ['do rec.c = 9 return record.numbins(rec) end', 2, 'none'],
      ['do rec.c = 9 aerospike:update(rec) return record.numbins(rec) end', 3, { a: 1, b: 2, c: 9 }],
      ['do rec.abcdefghijklmnop = 1 return aerospike:update(rec) end', 0, { a: 1, b: 2 }],
      ['do rec[""] = 1 rec[5] = 2 return aerospike:update(rec) end', 0, { a: 1, b: 2, '': 1, '5': 2 }],
    ])
  })

  it('that is missing', () => {
    checkCommits(missing(), [
      ['do rec.a = 1 return aerospike:create(rec) end', 0, { a: 1 }],
      ['do rec.a = 1 return rec.a end', 1, 'none'],
      ['do rec.a = 1 return aerospike:update(rec) end', -2, 'none'],
      ['do rec.a = 1 aerospike:update(rec) return aerospike:create(rec) end', 0, { a: 1 }],
      ['aerospike:remove(rec)', 1, 'none'],
      ['do rec.a = 1 aerospike:create(rec) return aerospike:create(rec) end', 1, { a: 1 }],
      ['do rec.a = 1 aerospike:create(rec) rec.a = 2 return aerospike:update(rec) end', 0, { a: 2 }],
      [
        'do rec.a = 1 aerospike:create(rec) return tostring(aerospike:exists(rec)) .. record.gen(rec) end',
        'true0',
        { a: 1 },
      ],
      [
        'do rec.a = 1 aerospike:create(rec) aerospike:remove(rec) rec.b = 2 return aerospike:create(rec) end',
        0,
        { b: 2 },
      ],
    ])
  })

  it('that cannot be committed', () => {
    checkCommits(existing({ a: int(1) }), [
      ['do rec.q = rec return aerospike:update(rec) end', { refused: 12 }, 'refused'],
      [
        'do for i = 1, 512 do rec["x" .. i] = i end return aerospike:update(rec) end',
        { refused: 21 },
        'refused',
      ],
      ['do for i = 1, 512 do rec["x" .. i] = i end return 7 end', 7, 'none'],
      ['do record.set_ttl(rec, -3) return aerospike:update(rec) end', { refused: 4 }, 'refused'],
      ['do record.set_ttl(rec, 315360001) return aerospike:update(rec) end', { refused: 4 }, 'refused'],
      ['do record.set_ttl(rec, 0x80000000) return aerospike:update(rec) end', { refused: 4 }, 'refused'],
      ['do record.set_ttl(rec, -3) return 1 end', 1, 'none'],
    ])
    checkCommits(missing(), [
      ['aerospike:create(rec)', { refused: 2 }, 'refused'],
      ['do rec.a = 1 aerospike:create(rec) return aerospike:remove(rec) end', { refused: 2 }, 'refused'],
    ])
  })

  it('is nothing after an error, whatever was updated before', () => {
    const bodies = [
      'do rec.a = 9 aerospike:update(rec) error("after") end',
      'do rec.q = {} end',
      'do rec.q = aerospike end',
    ]
    expect(answersTo(runtime, bodies)).toEqual([
      failure('@ after'),
      failure("@ can't set bin q to unsupported type"),
      failure("@ can't set bin q to unsupported type"),
    ])
  })

  it('has its bins in the order of the server after some came and went', () => {
    const bins = { a: int(1), b: int(2), c: int(3), d: int(4) }
    const bodies = [
      'do rec.a = nil aerospike:update(rec) rec.e = 5 rec.c = nil aerospike:update(rec) return 1 end',
      'do rec.d = nil rec.b = 7 aerospike:update(rec) return 1 end',
      'do rec.a = nil aerospike:update(rec) rec.a = 9 aerospike:update(rec) return 1 end',
      'do rec.e = 5 aerospike:update(rec) rec.e = nil rec.f = nil aerospike:update(rec) return 1 end',
      'do aerospike:remove(rec) rec.b = 7 aerospike:create(rec) rec.x = 1 aerospike:update(rec) return 1 end',
    ]
    const record = existing(bins)
    const orders = evaluateAll(runtime, bodies, record).map(outcome =>
      Object.entries(changeOf(outcome, record) ?? {})
        .map(([name, value]) => `${name}${value}`)
        .join(' '),
    )
    expect(orders).toEqual(['d4 b2 e5', 'a1 b7 c3', 'd4 b2 c3 a9', 'a1 b2 c3 d4', 'b7 x1'])
  })

  it('is read right whatever bins the records before it had', () => {
    evaluateAll(runtime, ['rec.x'], existing())
    for (let i = 0; i < 250; i++) {
      const bins = { [`before${i}`]: int(i), x: int(1000 + i), [`behind${i}`]: int(0) }
      expect(answerOf(runtime.apply('lab', 'f0', existing(bins), NO_ARGUMENTS, 1000))).toBe(1000 + i)
    }
  })

  it('goes on after a bin that cannot be stored was replaced', () => {
    checkCommits(existing({ a: int(1) }), [
      [
        'do rec.q = rec local first = aerospike:update(rec) rec.q = 2 return first + aerospike:update(rec) end',
        -1,
        { a: 1, q: 2 },
      ],
    ])
  })

  it('takes what a list holds at the update, and only when the bin was assigned', () => {
    const record = existing({ l: list('920102') })
    const changed = (body: string) => {
      const [outcome] = evaluateAll(runtime, [body], record)
      return outcome && changeOf(outcome, record)
    }
    expect(changed('do list.append(rec.l, 3) return aerospike:update(rec) end')).toEqual({ l: '920102' })
    expect(
      changed('do local l = rec.l rec.l = l list.append(l, 3) aerospike:update(rec) list.append(l, 4) end'),
    ).toEqual({
      l: '93010203',
    })
    expect(
      changed(
        'do local l = rec.l rec.l = l aerospike:update(rec) list.append(l, 3) aerospike:update(rec) end',
      ),
    ).toEqual({ l: '920102' })
    expect(answersTo(runtime, ['do list.append(rec.l, 3) return #rec.l end'], record)).toEqual([3])
  })

  it('carries set_ttl, drop_key and whether the record is new', () => {
    const change = (body: string, record: UdfRecord) => {
      const [outcome] = evaluateAll(runtime, [body], record)
      if (outcome?.kind !== 'success' || outcome.change.kind !== 'write') return outcome
      const { created, ttlSeconds, dropKey } = outcome.change
      return { created, ttlSeconds, dropKey }
    }
    expect(change('aerospike:update(rec)', RECORD)).toEqual({
      created: false,
      ttlSeconds: undefined,
      dropKey: false,
    })
    expect(
      change('do record.set_ttl(rec, 600) record.drop_key(rec) aerospike:update(rec) end', RECORD),
    ).toEqual({
      created: false,
      ttlSeconds: 600,
      dropKey: true,
    })
    const ttlOf = (ttl: string) => change(`do record.set_ttl(rec, ${ttl}) aerospike:update(rec) end`, RECORD)
    expect(ttlOf('0xffffffff')).toMatchObject({ ttlSeconds: -1 })
    expect(ttlOf('0xfffffffe')).toMatchObject({ ttlSeconds: -2 })
    expect(ttlOf('2^40 + 7')).toMatchObject({ ttlSeconds: 7 })
    expect(change('do aerospike:update(rec) record.set_ttl(rec, -1) end', RECORD)).toMatchObject({
      ttlSeconds: -1,
    })
    expect(change('do rec.a = 1 aerospike:create(rec) end', missing())).toMatchObject({ created: true })
  })

  it('shows no bins of a record with more than 512, and does not write it', () => {
    const bins = Object.fromEntries(Array.from({ length: 513 }, (_, i) => [`b${i}`, int(i)]))
    checkCommits(existing(bins), [
      ['record.numbins(rec)', 0, 'none'],
      ['record.gen(rec)', 3, 'none'],
      ['record.setname(rec)', 'demo', 'none'],
      ['aerospike:update(rec)', { refused: 21 }, 'refused'],
      ['aerospike:remove(rec)', 0, 'remove'],
    ])
  })
})
