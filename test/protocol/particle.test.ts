import { describe, expect, it } from '@jest/globals'
import { InvalidArgumentError } from '../../lib/errors/index.ts'
import { decodeParticle, encodeParticle } from '../../lib/protocol/particle.ts'
import { ProtocolError } from '../../lib/protocol/protocol-error.ts'
import { Double, GeoJson, type Value } from '../../lib/protocol/value.ts'
import { hex } from './hex.ts'

describe('particles', () => {
  it.each<[Value, number, string]>([
    [null, 0, ''],
    [258, 1, '0000000000000102'],
    [-2, 1, 'fffffffffffffffe'],
    [9223372036854775807n, 1, '7fffffffffffffff'],
    [1.5, 2, '3ff8000000000000'],
    ['é☃', 3, 'c3a9e29883'],
    [Uint8Array.of(1, 2), 4, '0102'],
    [true, 17, '01'],
    [false, 17, '00'],
    [new Map([['a', 1]]), 19, '82c70001c0a2036101'],
    [[1, 'a'], 20, '9201a20361'],
    [new GeoJson('{}'), 23, '0000007b7d'],
  ])('%p', (value, type, bytes) => {
    const particle = encodeParticle(value)
    expect([particle.type, Buffer.from(particle.value).toString('hex')]).toEqual([type, bytes])
    expect(decodeParticle(type, hex(bytes))).toEqual(value)
  })

  it('stores a Double as one', () => {
    expect(encodeParticle(new Double(3))).toEqual({ type: 2, value: hex('4008000000000000') })
    expect(decodeParticle(2, hex('4008000000000000'))).toBe(3)
  })

  it('passes over the cells of GeoJSON', () => {
    expect(decodeParticle(23, hex('00 0001 0123456789abcdef 7b7d'))).toEqual(new GeoJson('{}'))
  })

  it('copies blobs', () => {
    const source = hex('0102')
    const blob = decodeParticle(4, source)
    source[0] = 9
    expect(blob).toEqual(Uint8Array.of(1, 2))
  })

  it.each([
    [1, '00000001'],
    [2, '00000000'],
    [17, ''],
    [23, '0000'],
    [23, '000002'],
    [99, '00'],
  ])('refuses type %i in bytes %j', (type, bytes) => {
    expect(() => decodeParticle(type, hex(bytes))).toThrow(ProtocolError)
  })

  it('refuses values without a particle', () => {
    expect(() => encodeParticle(2n ** 63n)).toThrow(InvalidArgumentError)
    expect(() => encodeParticle(undefined as unknown as Value)).toThrow(InvalidArgumentError)
  })
})
