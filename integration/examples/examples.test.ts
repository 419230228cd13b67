import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { storeUrl, type TestServer, testServer } from '../servers/server.ts'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url))

let server: TestServer

beforeAll(async () => {
  server = await testServer()
})

afterAll(async () => {
  await server.close()
})

/** What each prints: the whole of it, but for hashes and figures. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  'block-validation.js':
    /^block 200: valid, 3 transactions\nblock 201: valid, 2 transactions\nblock 202: invalid, [0-9a-f]{64}:1 is spent by [0-9a-f]{64}\n$/,
  'block-replay.js': /^block 357238: 369 transactions\n$/,
  'reorganisation.js': new RegExp(
    [
      '^block A is the tip',
      '  payment  .{8}  mined, in blocks 71',
      '  change   .{8}  mined, in blocks 71',
      '  both     .{8}  mined, in blocks 71 and 72',
      '  onlyA    .{8}  mined, in blocks 71',
      '  rival    .{8}  conflicting, in blocks 72',
      'processConflicting: 2 transactions lost',
      'block B is the tip',
      '  payment  .{8}  conflicting, in blocks 71',
      '  change   .{8}  conflicting, in blocks 71',
      '  both     .{8}  mined, in blocks 71 and 72',
      '  onlyA    .{8}  waits for a block, in blocks 71',
      '  rival    .{8}  mined, in blocks 72\n$',
    ].join('\n'),
  ),
  'custom-metrics.js':
    /^metrics at http:.*\n(?=[\s\S]*verdict="refused"\} 1\n)(?=[\s\S]*verdict="accepted"\} 1\n)(?=[\s\S]*\{operation="spendAndCreate",outcome="UTXO_ERROR",service="validator"\} 1\n)/,
  'custom-transport.js':
    /^(wire|client): 100 payments in \d+ batches\nrows: .*\d+ read.*; [\d.]+ ms a batch\n$/,
}

it.each(Object.entries(PRINTED))('%s runs and prints what it is to print', async (file, printed) => {
  const { stdout, stderr } = await run(process.execPath, [`${FOLDER}${file}`, storeUrl(server)])
  // On a busy machine batches are slow, and one of the examples says so.
  const complaints = stderr.replace(/^\d+ rows took \d+ ms\n/gm, '')
  expect([stdout, complaints]).toEqual([expect.stringMatching(printed), ''])
})

it('there is no example that is not run, and none that the README leaves out', () => {
  const readme = readFileSync(`${FOLDER}README.md`, 'utf8')
  const files = readdirSync(FOLDER).filter(name => name.endsWith('.js') && name !== 'sample-transactions.js')
  expect(files.sort()).toEqual(Object.keys(PRINTED).sort())
  expect(files.filter(name => !readme.includes(`](${name})`))).toEqual([])
})
