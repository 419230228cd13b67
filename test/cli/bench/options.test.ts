import { describe, expect, it } from '@jest/globals'
import {
  type BenchOptions,
  nodeOptionsOf,
  operationsOf,
  settingsOf,
  transportsOf,
} from '../../../lib/cli/bench/options.ts'

const OPTIONS: BenchOptions = {
  store: 'embedded:',
  transactions: 10,
  rounds: 1,
  warmUp: 1,
  concurrency: 10,
  batchSize: 250,
  linger: 3,
  transport: 'client,wire',
  loneCalls: 0,
  halfLoad: false,
  nodeOptions: '',
}

describe('operations', () => {
  it('run in the order in which each finds what it needs, however they were named', () => {
    expect(operationsOf({ ...OPTIONS, operations: 'spend, create,spend' })).toEqual(['create', 'spend'])
  })

  it.each(['creat', 'create,', ''])('%j is refused with the names there are', operations => {
    expect(() => operationsOf({ ...OPTIONS, operations })).toThrow(/--operations .*one of create, get/)
  })
})

it('an unknown transport is refused', () => {
  expect(() => transportsOf({ ...OPTIONS, transport: 'carrier' })).toThrow(
    /--transport carrier .*client, wire/,
  )
})

it.each([
  ['', []],
  [' --a=1  --b ', ['--a=1', '--b']],
])('node options %j are %j', (nodeOptions, options) => {
  expect(nodeOptionsOf({ nodeOptions })).toEqual(options)
})

describe('settings', () => {
  it('make batches of one size for all operations', () => {
    const settings = settingsOf(OPTIONS)
    expect(settings).toMatchObject({ storeBatcherSize: 250, getBatcherSize: 250, maxMinedBatchSize: 250 })
    expect(settings).toMatchObject({ spendBatcherDurationMillis: 3, outpointBatcherDurationMillis: 3 })
  })

  it('of the store stay with --default-settings', () => {
    expect(settingsOf({ ...OPTIONS, defaultSettings: true })).toEqual({ batcherWhenFull: 'wait' })
  })

  it('given one by one win, in the type of the setting', () => {
    const setting = ['getBatcherSize=7', 'getBatcherDrainMode=true', 'freezeMode=sentinel']
    expect(settingsOf({ ...OPTIONS, setting })).toMatchObject({
      getBatcherSize: 7,
      getBatcherDrainMode: true,
      freezeMode: 'sentinel',
      storeBatcherSize: 250,
    })
  })

  it.each(['getBatcherSize', 'toString=1', 'unknown=1', '=1'])('%j is refused', setting => {
    expect(() => settingsOf({ ...OPTIONS, setting: [setting] })).toThrow(/--setting .*name=value/)
  })
})
