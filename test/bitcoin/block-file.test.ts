import { describe, expect, it } from '@jest/globals'
import { ParseError, parseBlock, readBlockFile, txidToHex } from '../../lib/bitcoin/index.ts'
import { BLOCK_FIXTURES, blockFixture, ORDINARY_BLOCK_HASH } from './block-fixtures.ts'

const MAGIC = Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9)
const raw = blockFixture(ORDINARY_BLOCK_HASH)
const hex = Buffer.from(raw).toString('hex')
const text = (value: string): Uint8Array => Buffer.from(value, 'latin1')

function record(block: Uint8Array, length = block.byteLength): Uint8Array {
  const lengthBytes = Buffer.alloc(4)
  lengthBytes.writeUInt32LE(length)
  return Buffer.concat([MAGIC, lengthBytes, block])
}

function hashesOf(file: Uint8Array): string[] {
  return [...readBlockFile(file)].map(block => txidToHex(parseBlock(block).hash))
}

describe('readBlockFile', () => {
  it.each([
    { form: 'a raw block', file: raw },
    { form: 'hex text', file: text(hex) },
    { form: 'hex text in upper case with a last line break', file: text(`${hex.toUpperCase()}\r\n`) },
    { form: 'hex text in lines', file: text(hex.replace(/(.{64})/g, '$1\n')) },
    { form: 'a blk*.dat', file: record(raw) },
  ])('reads $form', ({ file }) => expect(hashesOf(file)).toEqual([ORDINARY_BLOCK_HASH]))

  it('reads every block of a blk*.dat in order, and the zeros that a node allocated ahead', () => {
    const file = Buffer.concat([...BLOCK_FIXTURES.map(({ bytes }) => record(bytes)), Buffer.alloc(1000)])
    expect(hashesOf(file)).toEqual(BLOCK_FIXTURES.map(({ hash }) => hash))
  })

  it('hands out views of a blk*.dat', () => {
    const file = new Uint8Array(record(raw))
    expect([...readBlockFile(file)][0]?.buffer).toBe(file.buffer)
  })

  it.each([
    { what: 'a blk*.dat that is cut short', file: record(raw).subarray(0, -1), field: 'block', offset: 8 },
    { what: 'a length that passes the end', file: record(raw, 0xffff_ffff), field: 'block', offset: 8 },
    {
      what: 'a blk*.dat that ends in a length',
      file: record(raw).subarray(0, 6),
      field: 'block length',
      offset: 4,
    },
    {
      what: 'something else between blocks',
      file: Buffer.concat([record(raw), Uint8Array.of(1), record(raw)]),
      field: 'block magic',
      offset: raw.byteLength + 8,
    },
    {
      what: 'a block behind zeros',
      file: Buffer.concat([record(raw), Buffer.alloc(100), record(raw)]),
      field: 'block magic',
      offset: raw.byteLength + 8,
    },
    { what: 'hex text with a stranger', file: text(`${hex}x`), field: 'hex text', offset: hex.length },
    { what: 'hex text of half a byte', file: text(`${hex}0`), field: 'hex text', offset: hex.length + 1 },
    { what: 'an empty file', file: new Uint8Array(0), field: 'block file', offset: 0 },
    { what: 'a header alone', file: raw.subarray(0, 80), field: 'block file', offset: 0 },
  ])('refuses $what', ({ file, field, offset }) => {
    const read = (): void => void hashesOf(file)
    expect(read).toThrow(ParseError)
    expect(read).toThrow(expect.objectContaining({ field, offset }))
  })
})
