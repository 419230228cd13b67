import { describe, expect, it } from '@jest/globals'
import { parseStoreUrl } from '../../lib/settings/index.ts'

describe('parseStoreUrl', () => {
  it('reads every part', () => {
    expect(
      parseStoreUrl(
        'aerospike://10.0.0.1:4000,node-2,[::1]:3100/utxo?set=my-set&externalStore=file:///var/lib/utxo&ConnectionQueueSize=64&MinConnectionsPerNode=8',
      ),
    ).toEqual({
      scheme: 'aerospike',
      hosts: [
        { host: '10.0.0.1', port: 4000 },
        { host: 'node-2', port: 3000 },
        { host: '::1', port: 3100 },
      ],
      namespace: 'utxo',
      set: 'my-set',
      externalStore: 'file:///var/lib/utxo',
      connectionsMax: 64,
      connectionsMin: 8,
    })
  })

  it('needs nothing for an embedded server', () => {
    expect(parseStoreUrl('embedded:')).toEqual({
      scheme: 'embedded',
      hosts: [],
      namespace: 'utxo-store',
      set: 'txmeta',
      externalStore: 'memory:',
      connectionsMax: 128,
      connectionsMin: 0,
    })
    expect(parseStoreUrl('embedded:?set=other').set).toBe('other')
    expect(parseStoreUrl('embedded:bar?set=other').namespace).toBe('bar')
  })

  const good = 'aerospike://h:3000/ns'
  it.each([
    ['', /store URL must be of the form/],
    ['http://h/ns', /store URL must be of the form/],
    ['aerospike://h:3000', /followed by \/namespace/],
    ['aerospike://h:3000/', /followed by \/namespace/],
    ['aerospike:///ns?externalStore=memory:', /store URL host/],
    ['aerospike://h:0/ns?externalStore=memory:', /store URL host/],
    ['aerospike://h:65536/ns?externalStore=memory:', /store URL host/],
    ['aerospike://h,/ns?externalStore=memory:', /store URL host/],
    ['aerospike://h/n%ZZs?externalStore=memory:', /namespace must be valid percent-encoding/],
    [`aerospike://h/${'n'.repeat(32)}?externalStore=memory:`, /namespace must be 1 to 31 bytes/],
    [good, /externalStore must be file:/],
    [`${good}?externalStore=ftp://bucket`, /externalStore must be file:.*"ftp:\/\/bucket"/],
    [`${good}?externalStore=file:///`, /externalStore must be file:/],
    [`${good}?externalStore=memory:&set=`, /set must be 1 to 63 bytes/],
    [`${good}?externalStore=memory:&set=a;b`, /set must be 1 to 63 bytes/],
    [`${good}?externalStore=memory:&set=a%ff`, /^store URL parameter set must be valid percent-encoding/],
    [`${good}?externalStore=memory:&set=a%00`, /^set must be 1 to 63 bytes without .* control characters/],
    [`${good}?externalStore=memory:&set=a%7Fb`, /^set must be 1 to 63 bytes/],
    ['aerospike://a/a%00b?externalStore=memory:', /^namespace must be 1 to 31 bytes/],
    ['embedded:a%1Bb', /^namespace must be 1 to 31 bytes/],
    [`${good}?externalStore=memory:&set=a&set=b`, /parameter set must be given once/],
    [`${good}?externalStore=memory:&sets=a`, /parameter must be one of set, externalStore.*got "sets"/],
    [`${good}?externalStore=memory:&ConnectionQueueSize=0`, /ConnectionQueueSize/],
    [
      `${good}?externalStore=memory:&ConnectionQueueSize=1&MinConnectionsPerNode=2`,
      /MinConnectionsPerNode must be at most/,
    ],
    ['embedded:ns/more', /store URL must be of the form/],
  ])('refuses %s', (url, message) => {
    expect(() => parseStoreUrl(url)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    )
  })
})
