import { describe, expect, it } from '@jest/globals'
import { encodeMsgpack } from '../../../lib/protocol/index.ts'
import { TestNode } from '../support/test-node.ts'

/** [map key "in", list index 0] */
const CONTEXT = Buffer.from(encodeMsgpack([0x22, 'in', 0x10, 0])).toString('base64')
/** n + 1 */
const SUM = Buffer.from('9314935102a16e01', 'hex').toString('base64')
const CREATE = 'sindex-create:namespace=test;indexname=ix;set=demo;'

describe('sindex-create', () => {
  it.each([
    ['bin=n;type=numeric', 'bin=n:type=numeric:indextype=default:context=null:exp=null'],
    ['bin=n;type=STRING;indextype=MAPKEYS', 'bin=n:type=string:indextype=mapkeys:context=null:exp=null'],
    ['indexdata=n,blob;indextype=list', 'bin=n:type=blob:indextype=list:context=null:exp=null'],
    [
      `bin=n;type=numeric;context=${CONTEXT}`,
      'bin=n:type=numeric:indextype=default:context=[map_key(<string#2>), list_index(0)]:exp=null',
    ],
    ['bin=g;type=GEO2DSPHERE', 'bin=g:type=geo2dsphere:indextype=default:context=null:exp=null'],
    [`exp=${SUM};type=numeric`, `bin=null:type=numeric:indextype=default:context=null:exp=${SUM}`],
  ])('%s', (parameters, listed) => {
    const test = new TestNode()
    expect(test.info(CREATE + parameters)).toBe('ok')
    expect(test.info('sindex-list:ns=test')).toBe(`ns=test:indexname=ix:set=demo:${listed}:state=RW`)
    expect(test.info('sindex/test')).toBe(test.info('sindex'))
    expect(test.info(CREATE + parameters)).toBe('ok')
  })

  it('of a set counts its records', () => {
    const test = new TestNode()
    expect(test.info(`${CREATE}indextype=SET`)).toBe('ok')
    test.put('k', { a: 1 })
    expect(test.info('sindex-list')).toBe('ns=test:indexname=ix:set=demo:indextype=set')
    expect(test.info('sindex/test/ix')).toMatch(/^entries=1;.*load_pct=100;/)
    expect([test.namespace.indexes.hasSetIndex('demo'), test.namespace.indexes.countOn('demo')]).toEqual([
      true,
      0,
    ])
  })

  it('of an unknown namespace does nothing', () => {
    const test = new TestNode()
    expect(test.info('sindex-create:ns=nope;indexname=ix;bin=n;type=numeric')).toBe('ok')
    expect(test.info('sindex-list')).toBe('')
  })

  it.each([
    ['sindex-create', "ERROR:4:missing 'indexname'"],
    ['sindex-create:namespace=test;indexname=', "ERROR:4:missing 'indexname' value"],
    ['sindex-create:indexname=a', "ERROR:20:missing 'namespace'"],
    [
      `sindex-create:ns=test;indexname=${'i'.repeat(64)};bin=n;type=numeric`,
      "ERROR:4:'indexname' value too long",
    ],
    [
      `sindex-create:ns=test;indexname=a;set=${'s'.repeat(64)};bin=n;type=numeric`,
      "ERROR:4:'set' value too long",
    ],
    [`${CREATE}type=numeric`, "ERROR:4:both 'bin' and 'exp' are missing"],
    [`${CREATE}bin=n;exp=${SUM};type=numeric`, "ERROR:4:both 'bin' and 'exp' are specified"],
    [`${CREATE}bin=n`, "ERROR:4:both 'indexdata' and 'type' are missing"],
    [`${CREATE}bin=${'b'.repeat(16)};type=numeric`, "ERROR:4:'bin' value too long"],
    [
      `${CREATE}bin=n;type=colour`,
      "ERROR:4:bad 'type' - must be one of 'numeric', 'string', 'blob', 'geo2dsphere'",
    ],
    [
      `${CREATE}bin=n;type=numeric;indextype=x`,
      "ERROR:4:bad 'indextype' - must be one of 'default', 'list', 'mapkeys', 'mapvalues'",
    ],
    [`${CREATE}bin=n;type=numeric;context=!!`, "ERROR:4:'context' invalid base64"],
    [`${CREATE}bin=n;type=numeric;context=wQ==`, "ERROR:4:'context' invalid cdt context"],
    [`${CREATE}exp=!!;type=numeric`, "ERROR:4:bad 'exp'"],
    [`${CREATE}exp=wQ==;type=numeric`, "ERROR:4:bad 'exp'"],
    [
      `${CREATE}exp=${SUM};type=string`,
      "ERROR:4:bad 'exp' - expression type 'numeric' does not match expected type 'string'",
    ],
    [`${CREATE}indexdata=n`, "ERROR:4:'indexdata' missing bin type"],
    [`${CREATE}indexdata=,numeric`, "ERROR:4:'indexdata' missing bin name"],
    [`${CREATE}bin=n;type=numeric;indextype=set`, 'ERROR:4:bin parameter is not supported for set index'],
    ['sindex-create:ns=test;indexname=ix;indextype=set', "ERROR:4:missing 'set'"],
  ])('%s answers %s', (command, answer) => {
    expect(new TestNode().info(command)).toBe(answer)
  })

  it('of a name that has another definition is refused', () => {
    const test = new TestNode()
    test.info(`${CREATE}bin=n;type=numeric`)
    expect(test.info(`${CREATE}bin=m;type=numeric`)).toBe(
      "ERROR:200:'indexname' already exists with different definition",
    )
  })
})

describe('what is told about indexes', () => {
  it('counts entries, values and records', () => {
    const test = new TestNode()
    test.info(`${CREATE}bin=n;type=numeric;indextype=list`)
    for (let at = 0; at < 10; at++) test.put(`k${at}`, { n: [1, 2, 3] })
    const statistics = test.info('sindex/test/ix')
    expect(statistics).toContain('entries=30;')
    expect(statistics).toContain(';entries_per_bval=10;entries_per_rec=3;load_pct=100;')
    expect(test.info('sindex-stat:namespace=test;indexname=ix')).toBe(statistics)
  })

  it.each([
    ['sindex/nope', 'ns_type=unknown'],
    ['sindex/test/x', 'ERROR:201:no index'],
    ['sindex-stat:ns=test;indexname=x', 'ERROR:201:no index'],
    ['sindex-stat:ns=nope;indexname=x', 'ERROR:20:namespace not found on node'],
    ['sindex-exists:ns=test;indexname=x', 'false'],
    ['sindex-delete:ns=test;indexname=x', 'ok'],
    ['sindex-delete:ns=nope;indexname=x', 'ok'],
  ])('%s answers %s', (command, answer) => {
    expect(new TestNode().info(command)).toBe(answer)
  })

  it('goes with the index', () => {
    const test = new TestNode()
    test.info(`${CREATE}bin=n;type=numeric`)
    expect(test.info('sindex-exists:ns=test;indexname=ix')).toBe('true')
    expect(test.info('sindex-delete:ns=test;set=demo;indexname=ix')).toBe('ok')
    expect([test.info('sindex-exists:ns=test;indexname=ix'), test.info('sindex-list')]).toEqual(['false', ''])
  })
})
