import { describe, expect, it } from '@jest/globals'
import {
  decodeInfoReply,
  decodeInfoRequest,
  encodeInfoReply,
  encodeInfoRequest,
  parseInfoCommand,
} from '../../lib/protocol/info-message.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'

describe('info', () => {
  it('executes no command without its newline', () => {
    expect(decodeInfoRequest(Buffer.from('build\nnode')).map(command => command.text)).toEqual(['build'])
    expect(decodeInfoRequest(Buffer.from('build'))).toEqual([])
  })

  it('refuses requests whose answers would have no bounds', () => {
    expect(decodeInfoRequest(Buffer.from('node\n'.repeat(1024)))).toHaveLength(1024)
    expect(() => decodeInfoRequest(Buffer.from('node\n'.repeat(1025)))).toThrow(ProtocolError)
    expect(() => decodeInfoRequest(Buffer.alloc(8 * 1024 * 1024 + 1, 'x'))).toThrow(ProtocolError)
  })

  it.each([
    ['build', 'build', [], []],
    ['sets/test/demo', 'sets', ['test', 'demo'], []],
    [
      'truncate:namespace=test;set=a',
      'truncate',
      [],
      [
        ['namespace', 'test'],
        ['set', 'a'],
      ],
    ],
    [
      'udf-put:content=Zm9v==;x',
      'udf-put',
      [],
      [
        ['content', 'Zm9v=='],
        ['x', ''],
      ],
    ],
    ['get-config:', 'get-config', [], []],
    [':::', '', [], [['::', '']]],
  ])('parses %j', (text, name, path, parameters) => {
    const command = parseInfoCommand(text)
    expect([command.text, command.name, command.path, [...command.parameters]]).toEqual([
      text,
      name,
      path,
      parameters,
    ])
  })

  it('repeats the command in front of its value', () => {
    const answers = [
      { text: 'status', value: 'ok' },
      { text: 'services', value: '' },
    ]
    expect(encodeInfoReply(answers).toString()).toBe('status\tok\nservices\t\n')
    expect(decodeInfoReply(encodeInfoReply(answers))).toEqual(answers)
    expect(encodeInfoRequest(['node', 'build']).toString()).toBe('node\nbuild\n')
  })
})
