import { describe, expect, it } from '@jest/globals'
import {
  decodeInfoReply,
  decodeInfoRequest,
  encodeInfoReply,
  encodeInfoRequest,
  parseInfoCommand,
} from '../../lib/protocol/info-message.ts'

describe('info', () => {
  it('executes no command without its newline', () => {
    expect(decodeInfoRequest(Buffer.from('build\nnode')).map(command => command.text)).toEqual(['build'])
    expect(decodeInfoRequest(Buffer.from('build'))).toEqual([])
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
