-- Values as bins and answers carry them: a particle type and bytes (protocol 3.4).
local core = ...

local ipairs, math_type, string_pack, string_sub = ipairs, math.type, string.pack, string.sub
local string_byte, string_unpack, type = string.byte, string.unpack, type
local c_string = core.c_string
local decode, encode_for_bin, encode_result = core.decode, core.encode_for_bin, core.encode_result
local to_stored, NIL = core.to_stored, core.NIL

local NULL, INTEGER, DOUBLE, STRING, BLOB, BOOLEAN, MAP, LIST, GEOJSON = 0, 1, 2, 3, 4, 17, 19, 20, 23

local NOT_A_NUMBER = '\xff\xf8\0\0\0\0\0\0' -- as an x86 processor makes it

-- The types that a bytes object gives a bin: blobs, those of languages, HyperLogLog, and string, oddly. Any other type is
-- stored as a blob.
local BYTES_TYPES = {}
for _, particle_type in ipairs({ STRING, BLOB, 7, 8, 9, 10, 11, 12, 18 }) do BYTES_TYPES[particle_type] = true end

local function decode_geojson(data, first, last)
  local cells = string_unpack('>I2', data, first + 1)
  return core.new_geojson(string_sub(data, first + 3 + 8 * cells, last))
end

-- The value, as lists keep it, of the particle whose bytes are `first` to `last` of `data`.
function core.decode_particle(particle_type, data, first, last)
  if particle_type == INTEGER then return (string_unpack('>i8', data, first)) end
  if particle_type == STRING then return c_string(string_sub(data, first, last)) end
  if particle_type == LIST or particle_type == MAP then return decode(data, first) end
  if particle_type == DOUBLE then return (string_unpack('>d', data, first)) end
  if particle_type == BOOLEAN then return string_byte(data, first) ~= 0 end
  if particle_type == GEOJSON then return decode_geojson(data, first, last) end
  if particle_type == NULL then return NIL end
  return core.new_bytes(string_sub(data, first, last), particle_type)
end

local function object_particle(state, encode)
  if state.is == 'List' then return LIST, encode(state) end
  if state.is == 'Map' then return MAP, encode(state) end
  return GEOJSON, '\0\0\0' .. state.text
end

-- Type and bytes of a value as lists keep it, which is not NIL.
function core.bin_particle(value)
  local kind = type(value)
  if kind == 'table' then
    if value.is == 'Bytes' then return BYTES_TYPES[value.type] and value.type or BLOB, core.text_of_bytes(value) end
    return object_particle(value, encode_for_bin)
  end
  if kind == 'string' then return STRING, c_string(value) end
  if kind == 'boolean' then return BOOLEAN, value and '\1' or '\0' end
  if math_type(value) == 'integer' then return INTEGER, string_pack('>i8', value) end
  return DOUBLE, value == value and string_pack('>d', value) or NOT_A_NUMBER
end
local bin_particle = core.bin_particle

-- Type and bytes of what a script returned: null for anything that is not a value.
function core.result_particle(value)
  local stored = to_stored(value)
  if stored == nil or stored == NIL then return NULL, '' end
  if type(stored) ~= 'table' then return bin_particle(stored) end
  if stored.is == 'Bytes' then return BLOB, core.text_of_bytes(stored) end
  return object_particle(stored, encode_result)
end
