import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from '@jest/globals'

const SCRIPT = fileURLToPath(new URL('../../scripts/commands-page.js', import.meta.url))

it('docs/commands.md is current: every command with its options', async () => {
  const { stderr } = await promisify(execFile)(process.execPath, [SCRIPT, '--check']).catch(
    (failure: { stderr: string }) => failure,
  )
  expect(stderr).toBe('')
})
