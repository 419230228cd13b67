import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'

const PROGRAM = fileURLToPath(new URL('./close-while-a-node-joins.js', import.meta.url))

it('the npm client survives being closed while a node joins the cluster', async () => {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // glibc fills memory that is freed: whoever uses it afterwards crashes at once, instead of now and then.
    env: { ...process.env, MALLOC_PERTURB_: '165' },
    timeout: 30_000,
    killSignal: 'SIGKILL',
  })
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect({ output, code, signal }).toEqual({ output: 'closed\n', code: 0, signal: null })
})
