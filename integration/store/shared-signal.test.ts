import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from '@jest/globals'

const PROGRAM = fileURLToPath(new URL('shared-signal-program.js', import.meta.url))

it('one signal for many calls is no leak, of which Node would warn', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { timeout: 30_000 })
  expect(JSON.parse(stdout)).toEqual({ ended: new Array(50).fill('CONTEXT_CANCELED'), warnings: [] })
}, 60_000)
