import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

describe('the thread of an embedded server', () => {
  it('that ends by itself is told of by the handle, with the error that ended it', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', pathOf('crash-when-told.js'), pathOf('crashing-program.js')],
      { timeout: 20_000 },
    )
    expect(JSON.parse(stdout)).toEqual({ code: 'SERVICE_UNAVAILABLE', cause: 'out of luck' })
  })
})
