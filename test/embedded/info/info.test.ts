import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { infoReply } from '../../../lib/embedded/info/info.ts'
import { TestNode } from '../support/test-node.ts'

describe('info commands', () => {
  it.each([
    ['node', 'BB9000000000001'],
    ['build', '8.1.2.0'],
    ['partition-generation', '0'],
    ['peers-clear-std', '0,3000,[]'],
    ['service-clear-std', '127.0.0.1:3000'],
    ['cluster-name', 'null'],
    ['namespaces', 'test'],
    ['namespace/nope', 'type=unknown'],
    ['sets/nope', 'ns_type=unknown'],
    ['sets/test/nope', ''],
    ['rack-ids', 'test:0'],
    ['peers-tls-std', 'ERROR:25:enterprise only'],
    ['nonsense', 'ERROR:4:unrecognized command'],
    ['nonsense:a=b', 'ERROR:4:unrecognized command'],
    ['constructor', 'ERROR:4:unrecognized command'],
    ['user-agent-set:value=MSxh', 'ok'],
    ['user-agent-set:value=***', "ERROR:4:'value' invalid base64"],
    ['user-agent-set:', "ERROR:4:missing 'value'"],
    ['query-show:id=5', 'ERROR:2:job not found'],
    ['get-config:context=zzz', 'ERROR:4:invalid context'],
    ['get-config:context=namespace;namespace=nope', 'ERROR:20:namespace not found on node'],
    ['sindex/test/x', 'ERROR:201:no index'],
    ['latencies:hist=nope', 'ERROR:4:bad hist name'],
    ['latencies:hist={test}-udf', '{test}-udf:'],
    ['best-practices', 'failed_best_practices=none'],
  ])('%s', (command, value) => {
    expect(new TestNode().info(command)).toBe(value)
  })

  it('says that this node masters every partition', () => {
    const [regime, count, bitmap, ...more] = new TestNode().info('replicas').replace('test:', '').split(',')
    expect([regime, count, more]).toEqual(['0', '1', []])
    expect(bitmap).toHaveLength(684)
    expect(Buffer.from(bitmap ?? '', 'base64')).toEqual(Buffer.alloc(512, 0xff))
  })

  it('answers the basics to an empty request', () => {
    const { node } = new TestNode()
    const names = infoReply(node, Buffer.alloc(0))
      .toString()
      .split('\n')
      .map(line => line.split('\t')[0])
    expect(names).toEqual(expect.arrayContaining(['node', 'build', 'features', 'statistics']))
  })

  it('tells how long commands took, of each kind that was used', () => {
    const test = new TestNode()
    test.put('a', { n: 1 })
    const zeros = new Array(17).fill('0.00').join(',')
    expect(test.info('latencies:').split(';').sort()).toEqual([
      '{test}-batch-sub-read:',
      '{test}-batch-sub-udf:',
      '{test}-batch-sub-write:',
      '{test}-read:',
      '{test}-udf:',
      `{test}-write:msec,0.0,${zeros}`,
    ])
  })

  it('tells free memory, and counts what it does', () => {
    const statistics = new Map(
      new TestNode()
        .info('statistics')
        .split(';')
        .map(pair => pair.split('=') as [string, string]),
    )
    expect(Number(statistics.get('system_free_mem_pct'))).toBeGreaterThan(0)
    expect(Number(statistics.get('heap_mapped_kbytes'))).toBeGreaterThan(1024)
    expect(statistics.get('long_queries_active')).toBe('0')
    expect(statistics.get('cluster_size')).toBe('1')
  })

  it('counts the records of sets and namespaces', () => {
    const test = new TestNode()
    test.put('a', { n: 1 })
    test.put('b', { n: 1 })
    test.delete('a')
    expect(test.info('sets/test/demo')).toMatch(
      /^objects=1:tombstones=0:data_used_bytes=\d+:.*:stop-writes-size=0;$/,
    )
    expect(test.info('sets')).toMatch(/^ns=test:set=demo:objects=1:/)
    expect(test.info('namespace/test')).toMatch(
      /;objects=1;.*;client_write_success=2;.*;client_delete_success=1;/,
    )
  })
})

describe('set-config', () => {
  it.each([
    ['set-config:context=namespace;namespace=test;default-ttl=100', 'ok', { defaultTtlSeconds: 100 }],
    ['set-config:context=namespace;id=test;nsup-period=0', 'ok', { nsupPeriodSeconds: 0 }],
    [
      'set-config:context=namespace;namespace=test;allow-ttl-without-nsup=true',
      'ok',
      { allowTtlWithoutNsup: true },
    ],
    ['set-config:context=namespace;namespace=test;default-ttl=x', 'ERROR:4:invalid set-config parameter', {}],
    ['set-config:context=namespace;namespace=test;no-such=1', 'ERROR:4:invalid set-config parameter', {}],
    [
      'set-config:context=namespace;namespace=test;hasOwnProperty=1',
      'ERROR:4:invalid set-config parameter',
      {},
    ],
    ['set-config:context=namespace;namespace=test', 'ERROR:4:invalid set-config parameter', {}],
    ['set-config:context=namespace;default-ttl=1', "ERROR:20:missing 'namespace'", {}],
    ['set-config:default-ttl=1', "ERROR:4:missing 'context'", {}],
  ])('%s', (command, answer, changed) => {
    const test = new TestNode()
    const before = { ...test.namespace.config }
    expect(test.info(command)).toBe(answer)
    expect(test.namespace.config).toEqual({ ...before, ...changed })
  })

  it('changes what get-config says and what writes do', () => {
    const test = new TestNode()
    test.put('a', { n: 1 })
    expect(test.info('set-config:context=namespace;namespace=test;set=demo;default-ttl=50')).toBe('ok')
    expect(test.info('set-config:context=service;batch-max-requests=7')).toBe('ok')
    expect(test.info('get-config:context=service')).toMatch(/^batch-max-requests=7;/)
    expect(test.put('a', { n: 2 }).recordTtl).toBe(test.namespace.nowSeconds + 50)
  })
})

describe('truncate', () => {
  const nanoseconds = (ms: number) => `${BigInt(ms) * 1_000_000n}`

  it.each([
    ['without a set', () => 'truncate:namespace=test', "ERROR:4:missing 'set'", 2],
    ['without a namespace', () => 'truncate:set=demo', "ERROR:20:missing 'namespace'", 2],
    ['of an unknown namespace', () => 'truncate:namespace=nope;set=demo', 'ok', 2],
    ['of an unknown set', () => 'truncate:namespace=test;set=nope', 'ok', 2],
    ['of a set', () => 'truncate:namespace=test;set=demo', 'ok', 0],
    ['of the namespace', () => 'truncate-namespace:namespace=test', 'ok', 0],
    [
      'up to before the second record',
      (now: number) => `truncate:namespace=test;set=demo;lut=${nanoseconds(now - 5000)}`,
      'ok',
      1,
    ],
    [
      'in the future',
      (now: number) => `truncate:namespace=test;set=demo;lut=${nanoseconds(now + 1000)}`,
      'ERROR:4:would truncate in the future',
      2,
    ],
    ['before all time', () => 'truncate:namespace=test;set=demo;lut=1', 'ERROR:4:would truncate to 0', 2],
    ['at no time', () => 'truncate:namespace=test;set=demo;lut=abc', "ERROR:4:bad 'lut'", 2],
  ])('%s', (_what, command, answer, left) => {
    const test = new TestNode()
    test.put('first', { n: 1 })
    test.clock.advanceSeconds(10)
    test.put('second', { n: 1 })
    test.clock.advanceSeconds(1)
    expect(test.info(command(test.clock.nowMs()))).toBe(answer)
    expect(test.namespace.objects).toBe(left)
  })
})

describe('modules', () => {
  const put = (filename: string, source: string, contentBytes?: number) => {
    const content = Buffer.from(source).toString('base64')
    return `udf-put:filename=${filename};content=${content};content-len=${contentBytes ?? content.length};udf-type=LUA;`
  }

  it('are registered, listed, given back and removed', () => {
    const test = new TestNode()
    expect(test.info(put('u1.lua', 'return 1'))).toBe('ok')
    const hash = createHash('sha1').update('return 1').digest('hex')
    expect(test.info('udf-list')).toBe(`filename=u1.lua,hash=${hash},type=LUA;`)
    expect(test.info('udf-get:filename=u1.lua')).toBe(
      `type=LUA;content=${Buffer.from('return 1').toString('base64')};`,
    )
    expect(test.info('udf-remove:filename=u1.lua')).toBe('ok')
    expect(test.info('udf-remove:filename=u1.lua')).toBe('ok')
    expect([test.info('udf-list'), test.info('udf-get:filename=u1.lua')]).toEqual(['', 'error=not_found'])
  })

  it.each([
    [put('u1', 'return 1'), 'error=invalid_filename'],
    [put('.lua', 'return 1'), 'error=invalid_filename'],
    [put('a/b.lua', 'return 1'), 'error=invalid_filename'],
    [put('u1.lua', 'return 1', 5), 'error=invalid_content_len'],
    ['udf-put:filename=u1.lua;content=***!;content-len=4', 'error=invalid_base64_content'],
    [put('u1.lua', ''), 'error=invalid_base64_content'],
    [put('u1.lua', '!'), 'error=compile_error;file=u1.lua;line=3;message=YmFk'],
    ['udf-get:', 'error=invalid_filename'],
  ])('%s', (command, answer) => {
    const test = new TestNode()
    expect(test.info(command)).toBe(answer)
    expect(test.info('udf-list')).toBe('')
  })
})
