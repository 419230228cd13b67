import { describe, expect, it } from '@jest/globals'
import { type Admission, CircuitBreaker } from '../../../lib/store/context/circuit-breaker.ts'

const COOLDOWN_MS = 30_000

function breaker(failureCount = 3, halfOpenMax = 4) {
  let nowMs = 0
  const states: string[] = []
  const circuit = new CircuitBreaker({
    failureCount,
    cooldownMs: COOLDOWN_MS,
    halfOpenMax,
    now: () => nowMs,
    onChange: state => states.push(state),
  })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  const fail = (times: number): void => {
    for (let i = 0; i < times; i++) circuit.report([admitted(circuit)], 'failed')
  }
  const halfOpen = (): Admission[] => {
    fail(failureCount)
    pass(COOLDOWN_MS)
    return Array.from({ length: halfOpenMax }, () => admitted(circuit))
  }
  return { circuit, pass, fail, halfOpen, states }
}

function admitted(circuit: CircuitBreaker): Admission {
  const admission = circuit.admit()
  if (admission === undefined) throw new Error('refused')
  return admission
}

describe('closed', () => {
  it('opens after that many failures in a row, and not one before', () => {
    const { circuit, fail } = breaker(3)
    fail(2)
    expect(circuit.state).toBe('closed')
    fail(1)
    expect(circuit.state).toBe('open')
    expect(circuit.admit()).toBeUndefined()
  })

  it('begins to count anew after an answer, and not after what tells nothing', () => {
    const { circuit, fail } = breaker(3)
    fail(2)
    circuit.report([admitted(circuit)], 'answered')
    fail(2)
    expect(circuit.state).toBe('closed')
    circuit.report([admitted(circuit)], 'unknown')
    fail(1)
    expect(circuit.state).toBe('open')
  })

  it('a failed call with many items is one failure', () => {
    const { circuit } = breaker(3)
    const admissions = Array.from({ length: 100 }, () => admitted(circuit))
    circuit.report(admissions, 'failed')
    circuit.report(admissions, 'failed')
    expect(circuit.state).toBe('closed')
  })

  it('with a count of 0 never opens', () => {
    const { circuit, fail } = breaker(0)
    fail(1_000)
    expect(circuit.state).toBe('closed')
  })
})

describe('open', () => {
  it('refuses until the cool-down has passed', () => {
    const { circuit, pass, fail } = breaker()
    fail(3)
    pass(COOLDOWN_MS - 1)
    expect(circuit.admit()).toBeUndefined()
    pass(1)
    expect(circuit.admit()).toBeDefined()
    expect(circuit.state).toBe('half-open')
  })

  it('answers to what was sent before it opened change nothing', () => {
    const { circuit, fail, pass } = breaker()
    const early = admitted(circuit)
    fail(3)
    circuit.report([early], 'answered')
    expect(circuit.state).toBe('open')
    pass(COOLDOWN_MS)
    const probe = admitted(circuit)
    circuit.report([early], 'failed')
    expect(circuit.state).toBe('half-open')
    circuit.release(probe)
  })
})

describe('half-open', () => {
  it('lets that many probes through and no more', () => {
    const { circuit, halfOpen } = breaker()
    expect(halfOpen()).toHaveLength(4)
    expect(circuit.admit()).toBeUndefined()
  })

  it('lesson 77: closes upon that many answers, whatever they say of the data', () => {
    const { circuit, halfOpen, states } = breaker()
    for (const probe of halfOpen()) circuit.report([probe], 'answered')
    expect(states).toEqual(['open', 'half-open', 'closed'])
    expect(circuit.admit()).toBeDefined()
  })

  it('lesson 77: closes when the probes were inputs of one record, answered together', () => {
    const { circuit, halfOpen } = breaker()
    circuit.report(halfOpen(), 'answered')
    expect(circuit.state).toBe('closed')
  })

  it('one failure opens it again, for a whole cool-down', () => {
    const { circuit, halfOpen, pass } = breaker()
    const [first = admitted(circuit), ...others] = halfOpen()
    circuit.report([first], 'failed')
    expect(circuit.state).toBe('open')
    for (const other of others) circuit.report([other], 'answered')
    expect(circuit.state).toBe('open')
    pass(COOLDOWN_MS - 1)
    expect(circuit.admit()).toBeUndefined()
  })

  it.each(['release', 'unknown'] as const)(
    'lesson 77: a probe that tells nothing (%s) frees its place',
    how => {
      const { circuit, halfOpen } = breaker()
      for (let round = 0; round < 10; round++) {
        const probes = round === 0 ? halfOpen() : Array.from({ length: 4 }, () => admitted(circuit))
        expect(circuit.admit()).toBeUndefined()
        for (const probe of probes) {
          if (how === 'release') circuit.release(probe)
          else circuit.report([probe], 'unknown')
        }
      }
      expect(circuit.state).toBe('half-open')
      circuit.report(
        Array.from({ length: 4 }, () => admitted(circuit)),
        'answered',
      )
      expect(circuit.state).toBe('closed')
    },
  )

  it('probes of an earlier half-open time change nothing', () => {
    const { circuit, halfOpen, pass } = breaker()
    const [first = admitted(circuit), second = first, third = first] = halfOpen()
    circuit.report([first], 'failed')
    pass(COOLDOWN_MS)
    const probes = Array.from({ length: 4 }, () => admitted(circuit))
    circuit.report([second], 'failed')
    circuit.release(third)
    expect(circuit.state).toBe('half-open')
    expect(circuit.admit()).toBeUndefined()
    circuit.report(probes, 'answered')
    expect(circuit.state).toBe('closed')
  })

  it('counts each probe once: a second report and a later release do nothing', () => {
    const { circuit, halfOpen } = breaker()
    const [probe = admitted(circuit)] = halfOpen()
    for (let i = 0; i < 4; i++) circuit.report([probe], 'answered')
    circuit.release(probe)
    expect(circuit.state).toBe('half-open')
    expect(circuit.admit()).toBeUndefined()
  })
})
