import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ask } from '../cluster/cluster-info.ts'
import { storeUrl, type TestServer, testServer, uniqueSet } from '../servers/server.ts'
import { BRIEF, FEW } from './bench-arguments.ts'
import { MAIN, runCli } from './run-cli.ts'

let server: TestServer
let folder: string

beforeAll(async () => {
  server = await testServer()
  folder = await mkdtemp(join(tmpdir(), 'utxo-store-bench-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
  await server.close()
})

describe('bench', () => {
  it('on embedded: measures everything against a server of its own, and writes a page', async () => {
    const page = join(folder, 'bench.html')
    const latencies = ['--transport', 'client', '--lone-calls', '2']
    const { exitCode, stdout } = await runCli(['bench', ...FEW, ...latencies, '--json', '--html', page])
    expect(exitCode).toBe(0)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ schemaVersion: 3, interrupted: false, failure: null })
    expect(report.server).toMatchObject({ kind: 'embedded', process: expect.any(Number) })
    const measured = report.figures.map((figure: { operation: string; subject: string }) =>
      [figure.operation, figure.subject].join(' '),
    )
    const operations = ['create', 'get', 'previousOutputsDecorate', 'spend', 'setMined']
    expect(measured).toEqual([
      ...operations.flatMap(name => [`${name} store-client`, `${name} bare-client`]),
      'blockValidation store-client',
    ])
    for (const figure of report.figures) {
      const records = ['get', 'previousOutputsDecorate'].includes(figure.operation) ? 5 * 60 : 60
      expect(figure).toMatchObject({ records, limit: { text: expect.stringMatching(/./) } })
      expect(figure.recordsPerSecond.median).toBeGreaterThan(0)
      expect(figure.clientCpuMicroseconds.median).toBeGreaterThan(0)
    }
    expect(report.loneCalls).toHaveLength(3)
    expect(report.halfLoad).toHaveLength(4)
    for (const half of report.halfLoad)
      expect(half).toMatchObject({ longestCollectionMs: expect.any(Number), p99BoundMs: expect.any(Number) })
    expect(await readFile(page, 'utf8')).toContain('</html>')
  })

  it('takes its records away again', async () => {
    const set = uniqueSet('bench')
    const operations = ['--operations', 'create,blockValidation']
    const { exitCode } = await runCli([
      'bench',
      ...BRIEF,
      ...operations,
      '--store',
      storeUrl(server, { set }),
    ])
    expect(exitCode).toBe(0)
    for (const suffix of ['-client', '-bare-client', '-bare-client-rows'])
      expect(await ask(server, `sets/${server.namespace}/${set}${suffix}`)).toMatch(/objects=0/)
  })

  it('a soak makes as many operations as it is told, and samples memory', async () => {
    const soak = ['--soak', '500', '--json', '--store', storeUrl(server)]
    const { exitCode, stdout } = await runCli(['bench', ...BRIEF, ...soak])
    expect(exitCode).toBe(0)
    const [result] = JSON.parse(stdout).soaks
    // Two cycles of 60 transactions, four operations each, and what is left.
    expect(result).toMatchObject({ subject: 'store-client', operations: 500 })
    expect(result.samples).toHaveLength(3)
  })

  it('a soak ends with its time, in the midst of a cycle', async () => {
    const long = ['--duration', '1', '--transactions', '20000', '--concurrency', '1', '--batch-size', '1']
    const args = ['bench', ...BRIEF, ...long, '--json', '--store', storeUrl(server)]
    const { exitCode, stdout } = await runCli(args)
    expect(exitCode).toBe(0)
    const [result] = JSON.parse(stdout).soaks
    expect(result.operations).toBeGreaterThan(0)
    expect(result.operations).toBeLessThan(20_000)
    expect(result.samples).toHaveLength(1)
  })

  it('SIGINT ends the measuring, and prints the figures so far', async () => {
    const many = ['--rounds', '1000', '--operations', 'create', '--json']
    const child = spawn(process.execPath, [MAIN, 'bench', ...BRIEF, ...many, '--store', storeUrl(server)])
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      const before = stderr.includes('round 2 of')
      stderr += text
      if (!before && stderr.includes('round 2 of')) child.kill('SIGINT')
    })
    const exitCode = await new Promise(resolve => child.once('close', resolve))
    expect(exitCode).toBe(0)
    const report = JSON.parse(stdout)
    expect(report.interrupted).toBe(true)
    expect(report.figures[0].rounds).toBeGreaterThan(0)
    expect(report.figures[0].rounds).toBeLessThan(1000)
  })

  it('a yardstick that answers wrongly ends the run with 1, and the figures so far', async () => {
    const module = join(folder, 'wrong.mjs')
    await writeFile(
      module,
      `export const yardsticks = { wrong: async () => ({
        id: 'wrong', title: 'wrong', kind: 'yardstick', transport: 'none', lingerMs: () => null,
        work: () => ({ calls: 1, records: 1, concurrency: 1, call: async () => 1, check: () => { throw new Error('no such thing') } }),
        clear: async () => {}, close: async () => {},
      }) }`,
    )
    const own = ['--yardsticks', module, '--operations', 'create', '--json']
    const url = ['--store', storeUrl(server)]
    const { exitCode, stdout, stderr } = await runCli(['bench', ...BRIEF, ...own, ...url])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/no such thing/)
    expect(JSON.parse(stdout)).toMatchObject({ failure: 'no such thing' })
  })

  it('a yardstick that cannot be had is left out, and told', async () => {
    const module = join(folder, 'refused.mjs')
    await writeFile(
      module,
      `export const yardsticks = { refused: async () => { throw new Error('no wire to be had') } }`,
    )
    const own = ['--yardsticks', module, '--operations', 'create', '--json']
    const { exitCode, stdout } = await runCli(['bench', ...BRIEF, ...own, '--store', storeUrl(server)])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      unavailable: [{ subject: 'refused', reason: expect.stringContaining('no wire to be had') }],
    })
  })

  it.each<[string[], RegExp]>([
    [['--operations', 'mine'], /--operations mine is not one of create/],
    [['--transport', 'pigeon'], /--transport pigeon is not one of/],
    [['--setting', 'getBatcherSize=0'], /getBatcherSize/],
    [['--setting', 'no'], /name=value/],
    [['--rounds', '0'], /whole number from 1/],
    [['--html', '/nowhere/at/all.html'], /--html \/nowhere\/at\/all\.html cannot be written/],
    [['--yardsticks', '/nowhere.mjs'], /--yardsticks \/nowhere\.mjs cannot be loaded/],
    [['--node-options', '--no-such-option'], /--node-options --no-such-option are not accepted by node/],
  ])('%j exits 2 with one line that says what to do', async (args, message) => {
    const url = ['--store', storeUrl(server)]
    const { exitCode, stdout, stderr } = await runCli(['bench', ...BRIEF, ...url, ...args])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})
