import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'
import { BRIEF } from './bench-arguments.ts'
import { MAIN, runCli } from './run-cli.ts'

const ENDING_MS_MAX = 15_000
const onLinux = process.platform === 'linux' ? it : it.skip // /proc is Linux’s

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

/** A yardstick whose one call does what the text says. */
async function yardstick(name: string, call: string): Promise<string[]> {
  const module = join(folder, `${name}.mjs`)
  await writeFile(
    module,
    `export const yardsticks = { ${name}: async () => ({
      id: '${name}', title: process.pid + ' ' + process.execArgv.join(' '), kind: 'yardstick', transport: 'none',
      lingerMs: () => null,
      work: () => ({ calls: 1, records: 1, concurrency: 1, call: async () => { ${call} }, check: () => {} }),
      clear: async () => {}, close: async () => {},
    }) }`,
  )
  return ['--yardsticks', module, '--operations', 'create', '--json']
}

/** The process and all that came of it, by their ids, as the kernel of Linux tells them. */
function withDescendants(id: number): number[] {
  const parents = readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return []
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')
      return fields[0] === 'Z' ? [] : [{ id: Number(name), parent: Number(fields[1]) }]
    } catch {
      return []
    }
  })
  const found = [id]
  for (const each of found)
    found.push(...parents.filter(({ parent }) => parent === each).map(child => child.id))
  return found
}

function isRunning(id: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${id}/stat`, 'latin1'))
  } catch {
    return false
  }
}

async function untilGone(ids: readonly number[]): Promise<number[]> {
  const giveUpAtMs = performance.now() + ENDING_MS_MAX
  const left = (): number[] => ids.filter(isRunning)
  while (left().length > 0 && performance.now() < giveUpAtMs)
    await new Promise(resolve => setTimeout(resolve, 50))
  return left()
}

async function untilSays(child: ChildProcess, text: string): Promise<void> {
  let said = ''
  for await (const part of child.stderr ?? []) {
    said += part
    if (said.includes(text)) return
  }
  throw new Error(`ended without having said ${text}: ${said}`)
}

describe('the processes of bench', () => {
  it('measure each subject in one of its own, with the options for node', async () => {
    const own = await yardstick('told', 'return 1')
    const url = ['--store', storeUrl(server)]
    const run = async (...args: string[]) =>
      JSON.parse((await runCli(['bench', ...BRIEF, ...own, ...url, ...args])).stdout)
    const usual = await run()
    expect(usual.subjects.at(-1)).toMatchObject({ id: 'told' })
    const options =
      '--max-semi-space-size=128 --no-allocation-site-pretenuring --no-memory-reducer --heap-growing-percent=300'
    expect(usual.subjects.at(-1).title).toMatch(new RegExp(`^\\d+ ${options}$`))
    expect(usual.parameters.nodeOptions).toBe(options)
    const none = await run('--node-options', '')
    expect(none.subjects.at(-1).title).toMatch(/^\d+ $/)
    expect(none.parameters.nodeOptions).toBe('')
  })

  it('end the run with 1 when one dies, which is told, with the figures so far', async () => {
    const own = await yardstick('dying', `process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})`)
    const url = ['--store', storeUrl(server)]
    const { exitCode, stdout, stderr } = await runCli(['bench', ...BRIEF, ...own, ...url])
    expect(exitCode).toBe(1)
    const text = 'the process that measures dying ended by SIGKILL, asked to measure'
    expect(stderr).toContain(text)
    expect(JSON.parse(stdout)).toMatchObject({ failure: text })
  })

  onLinux('are gone soon when the command is killed, the embedded server among them', async () => {
    const many = ['--rounds', '1000', '--operations', 'create']
    const child = spawn(process.execPath, [MAIN, 'bench', ...BRIEF, ...many])
    const ended = once(child, 'exit')
    let ids: number[] = []
    try {
      await untilSays(child, 'round 1 of')
      ids = withDescendants(child.pid ?? 0)
      // The command, the server, the store and its bare transport.
      expect(ids).toHaveLength(4)
      child.kill('SIGKILL')
      await ended
      expect(await untilGone(ids)).toEqual([])
    } finally {
      for (const id of ids.filter(isRunning)) process.kill(id, 'SIGKILL')
    }
  })
})
