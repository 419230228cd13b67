import { describe, expect, it } from '@jest/globals'
import { serverUrl } from '../../lib/embedded/handle.ts'
import { type EmbeddedServerStartOptions, serverSettings } from '../../lib/embedded/settings.ts'
import { InvalidArgumentError } from '../../lib/errors/index.ts'

describe('serverSettings', () => {
  it('listens on loopback, on a free port, with one namespace', () => {
    expect(serverSettings({})).toEqual({
      host: '127.0.0.1',
      port: 0,
      nodes: 1,
      failureDetectionMs: 100,
      faultSeed: 1,
      namespaces: ['test'],
      clusterName: undefined,
      defaultTtlSeconds: 0,
      nsupPeriodSeconds: 10,
    })
  })

  it.each<[string, object]>([
    ['host', { host: '' }],
    ['port', { port: 65_536 }],
    ['port', { port: -1 }],
    ['port', { port: 1.5 }],
    ['port', { port: 65_534, nodes: 3 }],
    ['nodes', { nodes: 0 }],
    ['nodes', { nodes: 17 }],
    ['failureDetectionMs', { failureDetectionMs: -1 }],
    ['faultSeed', { faultSeed: 2 ** 32 }],
    ['namespaces', { namespaces: [] }],
    ['namespaces', { namespaces: 'test' }],
    ['namespaces', { namespaces: ['a', 'a'] }],
    ['namespaces', { namespaces: ['with space'] }],
    ['namespaces', { namespaces: ['n'.repeat(32)] }],
    ['clusterName', { clusterName: 'a b' }],
    ['defaultTtlSeconds', { defaultTtlSeconds: 315_360_001 }],
    ['nsupPeriodSeconds', { nsupPeriodSeconds: -1 }],
    ['log', { log: 'console' }],
    ['options', { prot: 3000 }],
  ])('refuses %s in %j', (field, options) => {
    expect(() => serverSettings(options as EmbeddedServerStartOptions)).toThrow(InvalidArgumentError)
    expect(() => serverSettings(options as EmbeddedServerStartOptions)).toThrow(
      expect.objectContaining({ field }),
    )
  })
})

describe('serverUrl', () => {
  it.each([
    ['127.0.0.1', 'aerospike://127.0.0.1:3000/test'],
    ['::1', 'aerospike://[::1]:3000/test'],
  ])('%s', (host, url) => {
    expect(serverUrl([{ host, port: 3000 }], 'test')).toBe(url)
  })
})
