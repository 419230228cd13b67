import { afterEach, expect, it } from '@jest/globals'
import { createLog, readableLine } from '../../lib/cli/log.ts'

const before = process.env.UTXO_STORE_LOG
afterEach(() => {
  if (before === undefined) delete process.env.UTXO_STORE_LOG
  else process.env.UTXO_STORE_LOG = before
})

it('shows a line to people without what is the same in each, and without the stack', () => {
  const line = {
    level: 40,
    time: 1,
    pid: 2,
    hostname: 'here',
    event: 'connect_failed',
    attempt: 1,
    hosts: ['a:3000'],
    err: { type: 'Error', message: 'refused', stack: 'Error: refused\n    at connect' },
    msg: 'the cluster cannot be reached',
  }
  expect(readableLine(JSON.stringify(line))).toBe(
    'warn  connect_failed  the cluster cannot be reached  attempt=1  hosts=["a:3000"]  refused',
  )
})

it('shows what has neither event nor error', () => {
  expect(readableLine('{"level":50,"msg":"it failed"}')).toBe('error  it failed')
})

it.each([
  [undefined, 'warn'],
  ['', 'warn'],
  ['debug', 'debug'],
])('UTXO_STORE_LOG %j logs from %s on', (value, level) => {
  if (value === undefined) delete process.env.UTXO_STORE_LOG
  else process.env.UTXO_STORE_LOG = value
  expect(createLog({ isTTY: true }).level).toBe(level)
  expect(createLog({}).level).toBe(level)
})

it('refuses a level that there is not, and names those there are', () => {
  process.env.UTXO_STORE_LOG = 'loud'
  expect(() => createLog()).toThrow(/loud is not one of trace, debug, info, warn, error, silent/)
})
