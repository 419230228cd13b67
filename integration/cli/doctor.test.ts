import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Finding } from 'aerospike-utxo-store'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { runCli } from './run-cli.ts'

let server: TestServer
let folder: string

beforeAll(async () => {
  server = await testServer()
  folder = await mkdtemp(join(tmpdir(), 'doctor-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
  await server.close()
})

interface Report {
  healthy: boolean
  ok: number
  warning: number
  failure: number
  findings: Finding[]
}

async function doctor(
  url: string,
  ...args: string[]
): Promise<{ exitCode: number | null; report: Report; stderr: string }> {
  const { exitCode, stdout, stderr } = await runCli(['doctor', '--json', '--store', url, ...args])
  return { exitCode, report: JSON.parse(stdout) as Report, stderr }
}

function of(report: Report, check: string): Finding | undefined {
  return report.findings.find(finding => finding.check === check)
}

/** The store URL of the test server, with bodies in the folder. */
function urlWithFolder(path: string): string {
  const url = storeUrl(server)
  return url.replace(/externalStore=[^&]*/, `externalStore=file://${path}`)
}

it('finds a fresh set wanting, mends it, and finds it well', async () => {
  const url = urlWithFolder(folder)
  const before = await doctor(url)
  expect(before.exitCode).toBe(0)
  expect(of(before.report, 'index on unminedSince')).toMatchObject({ level: 'warning' })
  const mended = await doctor(url, '--fix')
  expect(of(mended.report, 'index on unminedSince')).toMatchObject({
    level: 'ok',
    message: expect.stringContaining('created'),
  })
  const after = await doctor(url)
  expect({ exitCode: after.exitCode, report: after.report }).toMatchObject({
    exitCode: 0,
    report: { healthy: true, failure: 0 },
  })
  expect(
    after.report.findings.filter(({ check }) => /udf|index/.test(check)).map(({ level }) => level),
  ).toEqual(expect.arrayContaining(['ok', 'ok', 'ok']))
  // The probe of the external store leaves nothing behind.
  expect(await readdir(folder)).toEqual([])
})

it('prints a line for each check, for people', async () => {
  const { exitCode, stdout, stderr } = await runCli(['doctor', '--store', storeUrl(server)])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/^OK {4}connection +connected to /)
  expect(stdout).toMatch(/\n\d+ fine, \d+ warnings?, 0 failures\n$/)
})

it.each([
  ['wire', 'by itself', '', /^wire, all nodes run 8\./],
  ['client', 'because it is asked for', '&transport=client', /^the npm client, asked for$/],
])('says that a store takes the %s transport %s', async (_transport, _why, more, message) => {
  const url = storeUrl(server).replace(/&transport=\w+/, '')
  const { report } = await doctor(url + more)
  expect(of(report, 'transport')).toEqual({
    check: 'transport',
    level: 'ok',
    message: expect.stringMatching(message),
  })
})

it.each<[string, () => Promise<string>, string, RegExp]>([
  [
    'a namespace that is not there',
    async () => storeUrl(server).replace(`/${server.namespace}?`, '/nowhere?'),
    'namespace',
    /no namespace nowhere/,
  ],
  [
    'an external store that cannot be written',
    async () => {
      const file = join(folder, 'a-file')
      await writeFile(file, '')
      return urlWithFolder(file)
    },
    'external store',
    /cannot be used/,
  ],
  [
    'a server that is not there',
    async () => 'aerospike://127.0.0.1:1/utxo-store?externalStore=memory:',
    'connection',
    /cannot connect/,
  ],
])('%s fails with what to do', async (_name, url, check, message) => {
  const { exitCode, report, stderr } = await doctor(await url())
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^utxo-store doctor: \d+ checks? failed\.\n$/)
  expect(report.healthy).toBe(false)
  expect(of(report, check)).toMatchObject({
    level: 'failure',
    message: expect.stringMatching(message),
    mend: expect.stringMatching(/\.$/),
  })
})
