import { describe, expect, it } from '@jest/globals'
import { openScreen } from '../../../lib/cli/watch/screen.ts'

function written(use: (screen: ReturnType<typeof openScreen>) => void): string {
  let text = ''
  const stream = { write: (piece: string) => (text += piece) }
  use(openScreen(stream as unknown as NodeJS.WriteStream))
  return text
}

describe('openScreen', () => {
  it('draws over the view before, and erases what is left of it', () => {
    const text = written(screen => {
      screen.show(['a long line', 'second'])
      screen.show(['short'])
    })
    expect(text.endsWith('\x1b[Hshort\x1b[K\n\x1b[J')).toBe(true)
  })

  it('leaves the terminal with its cursor, its own screen, and the last view above the prompt', () => {
    const text = written(screen => {
      screen.show(['first'])
      screen.show(['last'])
      screen.close()
    })
    expect(text.startsWith('\x1b[?1049h\x1b[?25l')).toBe(true)
    expect(text.endsWith('\x1b[?25h\x1b[?1049llast\n')).toBe(true)
  })
})
