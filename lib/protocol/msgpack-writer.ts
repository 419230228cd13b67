import type { ByteWriter } from './byte-writer.ts'

// Aerospike's dialect of msgpack (protocol 8.1): integers in the shortest form, strings and blobs in the str
// family only, doubles in 64 bits.

/** Writes an integer in its shortest form. @param value within -2^63 and 2^64 - 1 */
export function writeInteger(writer: ByteWriter, value: number | bigint): void {
  if (typeof value === 'bigint') {
    if (value >= -0x80000000n && value <= 0xffffffffn) writeInteger(writer, Number(value))
    else writer.uint8(value < 0n ? 0xd3 : 0xcf).int64(value)
    return
  }
  if (value >= 0) {
    if (value <= 0x7f) writer.uint8(value)
    else if (value <= 0xff) writer.uint8(0xcc).uint8(value)
    else if (value <= 0xffff) writer.uint8(0xcd).uint16(value)
    else if (value <= 0xffffffff) writer.uint8(0xce).uint32(value)
    else writer.uint8(0xcf).int64(BigInt(value))
    return
  }
  if (value >= -0x20) writer.uint8(value & 0xff)
  else if (value >= -0x80) writer.uint8(0xd0).uint8(value & 0xff)
  else if (value >= -0x8000) writer.uint8(0xd1).uint16(value & 0xffff)
  else if (value >= -0x80000000) writer.uint8(0xd2).uint32(value >>> 0)
  else writer.uint8(0xd3).int64(BigInt(value))
}

/** Writes the header of a string or blob; `byteLength` includes the particle type byte. */
export function writeBytesHeader(writer: ByteWriter, byteLength: number): void {
  if (byteLength < 32) writer.uint8(0xa0 | byteLength)
  else if (byteLength <= 0xff) writer.uint8(0xd9).uint8(byteLength)
  else if (byteLength <= 0xffff) writer.uint8(0xda).uint16(byteLength)
  else writer.uint8(0xdb).uint32(byteLength)
}

/** Writes a string or blob with its particle type as first byte. */
export function writeTypedBytes(writer: ByteWriter, particleType: number, value: Uint8Array): void {
  writeBytesHeader(writer, value.length + 1)
  writer.uint8(particleType).bytes(value)
}

/** Writes the header of a list; `count` includes the metadata element of an ordered list. */
export function writeListHeader(writer: ByteWriter, count: number): void {
  if (count < 16) writer.uint8(0x90 | count)
  else if (count <= 0xffff) writer.uint8(0xdc).uint16(count)
  else writer.uint8(0xdd).uint32(count)
}

/** Writes the header of a map; `count` includes the metadata pair of an ordered map. */
export function writeMapHeader(writer: ByteWriter, count: number): void {
  if (count < 16) writer.uint8(0x80 | count)
  else if (count <= 0xffff) writer.uint8(0xde).uint16(count)
  else writer.uint8(0xdf).uint32(count)
}

export function writeNil(writer: ByteWriter): void {
  writer.uint8(0xc0)
}

export function writeBoolean(writer: ByteWriter, value: boolean): void {
  writer.uint8(value ? 0xc3 : 0xc2)
}

export function writeDouble(writer: ByteWriter, value: number): void {
  writer.uint8(0xcb).double(value)
}

/** The metadata element that an ordered list begins with: an extension without payload, the flags as type. */
export function writeListFlags(writer: ByteWriter, flags: number): void {
  writer.uint8(0xc7).uint8(0).uint8(flags)
}

/** The metadata pair that an ordered map begins with. */
export function writeMapFlags(writer: ByteWriter, flags: number): void {
  writeListFlags(writer, flags)
  writeNil(writer)
}
