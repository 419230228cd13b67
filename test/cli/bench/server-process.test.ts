import { createServer } from 'node:net'
import { expect, it } from '@jest/globals'
import { listeningInodes, ServerProcess, serverProcessOn } from '../../../lib/cli/bench/server-process.ts'

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0C1C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 424242 1 0000 100 0
   1: 0100007F:0C1C 0100007F:9A7C 01 00000000:00000000 00:00000000 00000000     0        0 555555 1 0000 100 0
   2: 0100007F:10C1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 666666 1 0000 100 0
`

it('finds the socket that listens on a port, and no connection to it', () => {
  expect(listeningInodes(TABLE, 3100)).toEqual(['424242'])
})

const onLinux = process.platform === 'linux' ? it : it.skip // /proc is Linux’s

onLinux('finds the process that listens on a port of this machine', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  expect(serverProcessOn('127.0.0.1', port)?.id).toBe(process.pid)
  expect(serverProcessOn('192.0.2.1', port)).toBeUndefined()
  await new Promise(resolve => server.close(resolve))
  expect(serverProcessOn('127.0.0.1', port)).toBeUndefined()
})

onLinux('counts the processor time of all threads of a process', () => {
  const own = new ServerProcess(process.pid)
  const before = own.cpuMicroseconds() ?? Number.NaN
  const { user, system } = process.cpuUsage()
  const startedAt = process.cpuUsage()
  while (process.cpuUsage(startedAt).user < 30_000);
  const used = (own.cpuMicroseconds() ?? Number.NaN) - before
  expect(used).toBeGreaterThan(25_000)
  // All of its life, not the last moment.
  expect(before).toBeGreaterThan((user + system) * 0.5)
})

onLinux('tells nothing of a process that has gone', () => {
  expect(new ServerProcess(2 ** 30).cpuMicroseconds()).toBeNull()
})
