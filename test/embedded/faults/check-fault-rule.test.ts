import { describe, expect, it } from '@jest/globals'
import { checkFaultRule } from '../../../lib/embedded/faults/check-fault-rule.ts'
import type { FaultRule } from '../../../lib/embedded/faults/fault-rule.ts'

const drop = { when: 'before', kind: 'drop' }

describe('checkFaultRule', () => {
  it.each<[string, unknown]>([
    ['rule', undefined],
    ['rule.fault', {}],
    ['rule.fault.when', { fault: { kind: 'drop' } }],
    ['rule.fault.kind', { fault: { when: 'before', kind: 'truncate', bytes: 1 } }],
    ['rule.fault', { fault: { ...drop, ms: 1 } }],
    ['rule.fault.ms', { fault: { when: 'before', kind: 'delay' } }],
    ['rule.fault.ms', { fault: { when: 'after', kind: 'delay', ms: -1 } }],
    ['rule.fault.concurrency', { fault: { when: 'before', kind: 'capacity', concurrency: 0, serviceMs: 1 } }],
    ['rule.fault.resultCode', { fault: { when: 'before', kind: 'refuse', resultCode: 256 } }],
    ['rule.fault.rows', { fault: { when: 'after', kind: 'dropRows' } }],
    ['rule.fault.rows.every', { fault: { when: 'after', kind: 'dropRows', rows: { every: 0 } } }],
    [
      'rule.fault.rows.commands[1]',
      { fault: { when: 'after', kind: 'dropRows', rows: { commands: ['udf', 'x'] } } },
    ],
    ['rule.match.requests.probability', { fault: drop, match: { requests: { probability: 1.5 } } }],
    ['rule.match.kinds[0]', { fault: drop, match: { kinds: ['batches'] } }],
    ['rule.match.kinds', { fault: drop, match: { kinds: [] } }],
    [
      'rule.match.kinds',
      { fault: { when: 'before', kind: 'refuse', resultCode: 9 }, match: { kinds: ['info'] } },
    ],
    ['rule.match', { fault: drop, match: { nth: 1 } }],
    ['rule.nodes[0]', { fault: drop, nodes: [3] }],
    ['rule.times', { fault: drop, times: 0 }],
    ['rule', { fault: drop, when: 'before' }],
  ])('names %s when it makes no sense', (field, rule) => {
    expect(() => checkFaultRule(rule as FaultRule, 3)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    )
  })

  it('takes a rule with everything', () => {
    const rule: FaultRule = {
      nodes: [0, 2],
      match: {
        kinds: ['batch', 'record'],
        commands: ['write'],
        connections: { only: [0], probability: 0.5 },
        requests: { every: 2 },
      },
      fault: { when: 'after', kind: 'recodeRows', resultCode: 9, rows: { every: 2, commands: ['udf'] } },
      times: 3,
    }
    expect(() => checkFaultRule(rule, 3)).not.toThrow()
  })
})
