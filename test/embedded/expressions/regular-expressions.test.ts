import { describe, expect, it } from '@jest/globals'
import type { Value } from '../../../lib/protocol/index.ts'
import {
  bin,
  bytes,
  evaluate,
  REFUSED,
  raw,
  subjectOf,
  UNKNOWN,
  UNSUPPORTED,
} from './support/expression-lab.ts'

// What is expected here was answered by a real server (8.1.2), unless it says otherwise.

const [BASIC, EXTENDED, ICASE, NEWLINE] = [0, 1, 2, 4]

describe('regular expressions', () => {
  it.each<[pattern: string, flags: number, text: string, matches: Value]>([
    ['ell', BASIC, 'hello', true],
    ['^ell', BASIC, 'hello', false],
    ['^h.*o$', BASIC, 'hello', true],
    ['', EXTENDED, 'hello', true],
    ['^$', EXTENDED, '', true],
    ['^(hi|hello)$', EXTENDED, 'hello', true],
    ['^(hi|hello)$', BASIC, 'hello', false],
    ['^\\(hi\\|hello\\)$', BASIC, 'hello', true],
    ['l+', BASIC, 'hello', false],
    ['l\\+', BASIC, 'hello', true],
    ['hx\\?e', BASIC, 'hello', true],
    ['a{2}', BASIC, 'a{2}', true],
    ['l\\{2\\}', BASIC, 'hello', true],
    ['l{3}', EXTENDED, 'hello', false],
    ['^a{,2}$', EXTENDED, 'aa', true],
    ['^a{1,}$', EXTENDED, 'aaaa', true],
    ['^a{0}b', EXTENDED, 'b', true],
    ['^(ab){2,3}$', EXTENDED, 'ababab', true],
    ['^(ab){2,3}$', EXTENDED, 'ab', false],
    ['a**', EXTENDED, 'x', true],
    ['a**', BASIC, 'x', REFUSED],
    ['*a', BASIC, '*a', true],
    ['\\(*a\\)', BASIC, '*a', true],
    ['^*a', BASIC, '*a', true],
    ['*a', EXTENDED, '*a', REFUSED],
    ['(*a)', EXTENDED, '*a', REFUSED],
    ['^*', EXTENDED, 'x', REFUSED],
    ['x|*a', EXTENDED, '*a', REFUSED],
    ['a|', EXTENDED, 'b', true],
    ['()', EXTENDED, 'b', true],
    [')', EXTENDED, ')', true],
    ['\\)', BASIC, ')', REFUSED],
    ['(', EXTENDED, '(', REFUSED],
    ['a\\', EXTENDED, 'a', REFUSED],
    ['{', EXTENDED, '{', REFUSED],
    ['a{x}', EXTENDED, 'a{x}', REFUSED],
    ['a{1', EXTENDED, 'a', REFUSED],
    ['a{2,1}', EXTENDED, 'a', REFUSED],
    ['a{32768}', EXTENDED, 'a', REFUSED],
    ['a^b', BASIC, 'a^b', true],
    ['a^b', EXTENDED, 'a^b', false],
    ['a$b', BASIC, 'a$b', true],
    ['^^a', BASIC, '^a', true],
    ['\\(^a\\)', BASIC, 'ba', false],
    ['x\\|^a', BASIC, 'a', true],
    ['a\\.b', EXTENDED, 'axb', false],
    ['\\d', EXTENDED, 'd', true],
    ['^\\w+$', EXTENDED, 'a_1', true],
    ['\\s', EXTENDED, 'a b', true],
    ['\\bell', EXTENDED, 'hello', false],
    ['\\<hello\\>', EXTENDED, 'say hello', true],
    ['\\Bell', EXTENDED, 'hello', true],
    ["lo\\'", EXTENDED, 'hello', true],
    ['[]a]', EXTENDED, ']', true],
    ['[^]a]', EXTENDED, 'b', true],
    ['[a-]', EXTENDED, '-', true],
    ['[--/]', EXTENDED, '.', true],
    ['[a-c-e]', EXTENDED, 'b', REFUSED],
    ['[c-a]', EXTENDED, 'b', REFUSED],
    ['[a', EXTENDED, 'a', REFUSED],
    ['[\\n]', EXTENDED, '\\', true],
    ['^[[:alpha:]]{5}$', EXTENDED, 'hello', true],
    ['[[:foo:]]', EXTENDED, 'f', REFUSED],
    ['[[.a.]]', EXTENDED, 'a', true],
    ['[[.space.]]', EXTENDED, ' ', REFUSED],
    ['HELLO', ICASE, 'hello', true],
    ['HELLO', BASIC, 'hello', false],
    ['[^H]', EXTENDED | ICASE, 'h', false],
    ['^[[:upper:]]+$', EXTENDED | ICASE, 'hello', true],
    ['[a-A]', EXTENDED | ICASE, 'a', true],
    ['\\a', EXTENDED | ICASE, 'a', false],
    ['É', EXTENDED | ICASE, 'é', false],
    ['^b', BASIC, 'a\nb', false],
    ['^b$', NEWLINE, 'a\nb\nc', true],
    ['a.b', EXTENDED, 'a\nb', true],
    ['a.b', EXTENDED | NEWLINE, 'a\nb', false],
    ['a[^x]b', EXTENDED | NEWLINE, 'a\nb', false],
    ['^h..llo$', EXTENDED, 'h\u00c3\u00a9llo', true],
    ['ab$', EXTENDED, 'ab\0cd', true],
    ['ab\0zz', EXTENDED, 'ab', true],
    ['ell', 16, 'hello', true],
    // Refused here: a real server matches back references, in whatever time that takes.
    ['\\(l\\)\\1', BASIC, 'hello', UNSUPPORTED],
    ['(l)\\1', EXTENDED, 'hello', UNSUPPORTED],
    ['\\1(a)', EXTENDED, 'a', REFUSED],
    ['\\9', EXTENDED, '9', REFUSED],
  ])('%j with flags %d against %j: %s', (pattern, flags, text, matches) => {
    const subject = subjectOf({ t: text.includes('\u00c3') ? 'héllo' : text })
    expect(evaluate([7, flags, raw(pattern), bin.string('t')], subject)).toEqual(matches)
  })

  it('matches strings only', () => {
    expect(evaluate([7, EXTENDED, raw('5'), bin.integer('five')])).toBe(REFUSED)
    expect(evaluate([7, EXTENDED, raw('5'), bytes('35')])).toBe(REFUSED)
    expect(evaluate([7, EXTENDED, raw('x'), bin.string('none')])).toBe(UNKNOWN)
  })

  it('takes no time that explodes with the pattern', () => {
    const subject = subjectOf({ t: 'a'.repeat(5_000) })
    expect(evaluate([7, EXTENDED, raw('^(a*)*(a|aa)*b$'), bin.string('t')], subject)).toBe(false)
  })

  it('refuses patterns that come to too much', () => {
    const text = bin.string('t')
    expect(evaluate([7, EXTENDED, raw('((a{100}){100}){100}'), text], subjectOf({ t: 'a' }))).toBe(REFUSED)
    expect(evaluate([7, EXTENDED, raw(`a${'*'.repeat(50_000)}`), text], subjectOf({ t: 'a' }))).toBe(REFUSED)
  })

  it('takes no time for what comes to nothing, however often that is repeated', () => {
    const pattern = '^(((){32767}){32767}){32767}$'
    expect(evaluate([7, EXTENDED, raw(pattern), bin.string('t')], subjectOf({ t: '' }))).toBe(true)
    expect(evaluate([7, EXTENDED, raw(pattern), bin.string('t')], subjectOf({ t: 'a' }))).toBe(false)
  })
})
