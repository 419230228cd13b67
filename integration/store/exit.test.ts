import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@jest/globals'

const PROGRAM = fileURLToPath(new URL('closing-program.js', import.meta.url))

it('lesson 27: a process ends by itself once its store is closed', async () => {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const [code, signal] = await once(child, 'exit')
  expect({ output, code, signal }).toEqual({
    output: 'TX_NOT_FOUND,TX_NOT_FOUND,TX_NOT_FOUND\n',
    code: 0,
    signal: null,
  })
}, 60_000)
