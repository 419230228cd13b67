import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { LogLevel, LuaRuntime } from '../../../lib/embedded/lua/index.ts'
import { answersTo, existing, failure, NO_ARGUMENTS, startRuntime } from './lua-lab.ts'

const logged: [LogLevel, string][] = []
let runtime: LuaRuntime

beforeAll(async () => {
  runtime = await startRuntime({ log: (level, text) => logged.push([level, text]) })
})

afterAll(() => runtime.close())

describe('the environment of a function', () => {
  it.each([
    [
      'table',
      'record list map bytes geojson iterator stream Map List Bytes StreamOps string table math utf8 os io coroutine package _G',
    ],
    [
      'function',
      'debug info warn trace print load require pcall filter transform reduce aggregate apply_record apply_stream',
    ],
    ['userdata', 'aerospike'],
    ['nil', 'unpack loadstring setfenv bit32 jit'],
  ])('%s: %s', (type, names) => {
    const bodies = names.split(' ').map(name => `type(${name})`)
    expect(answersTo(runtime, bodies)).toEqual(bodies.map(() => type))
  })

  it('has Lua 5.4 with 64-bit integers and doubles', () => {
    const bodies = [
      '_VERSION',
      'tostring(2^53) .. (7 // 2) .. (1 << 62)',
      'math.sum(2, 3) * math.product(2, 3)',
    ]
    expect(answersTo(runtime, bodies)).toEqual([
      'Lua 5.4',
      '9.007199254741e+15' + '3' + '4611686018427387904',
      30,
    ])
  })

  it('logs and prints to the log, with errors of the format', () => {
    logged.length = 0
    const bodies = [
      'info("x %d", 5)',
      'warn("w")',
      'debug("d")',
      'trace("t")',
      'aerospike:log(1, "l")',
      'print("a", 1, nil)',
      'select("#", info("x"))',
    ]
    expect(answersTo(runtime, bodies)).toEqual([null, null, null, null, null, null, 0])
    expect(logged.slice(0, 6)).toEqual([
      ['info', 'x 5'],
      ['warn', 'w'],
      ['debug', 'd'],
      ['trace', 't'],
      ['warn', 'l'],
      ['info', 'a\t1\tnil'],
    ])
    expect(answersTo(runtime, ['info(nil)'])).toEqual([
      failure(expect.stringContaining("bad argument #1 to 'format' (string expected, got nil)") as never),
    ])
  })

  it('knows the time in milliseconds since 1970', () => {
    const before = Date.now()
    const [now] = answersTo(runtime, ['aerospike:get_current_time()'])
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  it('reaches no process and no file outside', () => {
    const bodies = [
      'os.exit(1)',
      'os.execute("true")',
      'io.popen("true")',
      'io.open("/etc/passwd")',
      'io.read()',
      'io.write("x") and 1',
      'package.loaded.debug.sethook',
    ]
    const unavailable = (name: string) => failure(`@ ${name} is not available in the embedded server`)
    expect(answersTo(runtime, bodies)).toEqual([
      // A tail call of a Lua function leaves no line to name.
      failure('os.exit is not available in the embedded server'),
      failure('os.execute is not available in the embedded server'),
      failure('io.popen is not available in the embedded server'),
      null,
      null,
      1,
      null,
    ])
    expect(answersTo(runtime, ['do os.exit(1) end'])).toEqual([unavailable('os.exit')])
  })

  it('survives scripts that replace what it is built on', () => {
    const source = `
      string.pack, string.unpack, table.concat, type, select, pcall, error = nil, nil, nil, nil, nil, nil, nil
      getmetatable("").__index = nil
      List.__index = nil
      function f(rec) rec.l = list{1, "a"} aerospike:update(rec) return rec.l end`
    expect(runtime.register('vandal.lua', Buffer.from(source))).toEqual({ ok: true })
    const outcome = runtime.apply('vandal', 'f', existing(), NO_ARGUMENTS, 1000)
    expect(outcome).toMatchObject({ kind: 'success', value: { type: 20 }, change: { kind: 'write' } })
    expect(answersTo(runtime, ['list{5}[1]'])).toEqual([5])
  })
})

describe('errors', () => {
  it('have the texts of Lua, or a common one for what is no string', () => {
    const table: [string, string][] = [
      ['error("plain")', '@ plain'],
      ['error("no position", 0)', 'no position'],
      ['error("a\\0b")', '@ a'],
      ['error({})', 'result value type unexpected'],
      ['error()', 'result value type unexpected'],
      ['error(42)', 'result value type unexpected'],
      ['error(list{1})', 'result value type unexpected'],
      ['assert(false, "text")', '@ text'],
      ['assert(1 == 2)', '@ assertion failed!'],
      ['rec.x.y', "@ attempt to index a number value (field 'x')"],
      ['rec.x()', "@ attempt to call a number value (field 'x')"],
      ['nil .. "x"', '@ attempt to concatenate a nil value'],
      ['list{1} + 1', '@ attempt to perform arithmetic on a List value'],
      ['1 // 0', '@ attempt to divide by zero'],
      ['table.sort({1, "a"})', 'attempt to compare string with number'],
      ['coroutine.yield(1)', 'attempt to yield from outside a coroutine'],
      ['select(2, pcall(error, "x")) .. error("y", 0)', 'y'],
    ]
    expect(
      answersTo(
        runtime,
        table.map(([body]) => body),
      ),
    ).toEqual(table.map(([, message]) => failure(message)))
  })

  it('name functions and modules that are not there', () => {
    expect(runtime.register('m.lua', Buffer.from('function f() return 1 end five = 5'))).toEqual({ ok: true })
    const call = (moduleName: string, functionName: string) =>
      runtime.apply(moduleName, functionName, existing(), NO_ARGUMENTS, 1000)
    expect(call('m', 'nope')).toEqual({ kind: 'failure', message: 'function not found' })
    expect(call('m', '')).toEqual({ kind: 'failure', message: 'function not found' })
    expect(call('m', 'five')).toEqual({ kind: 'failure', message: 'attempt to call a number value' })
    expect(call('nope', 'f')).toEqual({ kind: 'failure', message: 'UDF: Execution Error 1' })
    expect(call('m.lua', 'f')).toEqual({ kind: 'failure', message: 'UDF: Execution Error 1' })
    expect(call('m', 'type')).toMatchObject({ kind: 'success', value: { type: 3 } })
  })
})
