-- The calls of the host: text in, text out (see call-encoding.ts for both).
local core = ...

local globals, pcall, require, select, type = _G, pcall, require, select, type
local string_pack, table_concat, table_unpack = string.pack, table.concat, table.unpack
local string_sub, string_unpack = string.sub, string.unpack
local c_string, result_particle = core.c_string, core.result_particle

local SUCCESS, FAILURE, REFUSED = 0, 1, 2
local CHANGE_NONE, CHANGE_WRITE, CHANGE_REMOVE = 0, 1, 2
local UNCHANGED = 255 -- in place of a particle type: the bin is as it came
local ALL_BINS, CHANGED_BINS = 0, 1
local NO_TTL = math.mininteger

local function encode_change(record)
  if not record or not record.changed then return string_pack('B', CHANGE_NONE) end
  if #record.names == 0 then return string_pack('B', CHANGE_REMOVE) end
  local encoded, bins, names = record.encoded, CHANGED_BINS, record.encoded_names
  if record.lost_bins then bins, names = ALL_BINS, record.names end
  local pieces = {
    string_pack('<BBBi8BI4', CHANGE_WRITE, record.existed and 0 or 1, record.drops_key and 1 or 0,
      record.new_ttl or NO_TTL, bins, #names),
  }
  for i = 1, #names do
    local name = names[i]
    local bin = encoded[name]
    pieces[i + 1] = bin and string_pack('<s1Bs4', name, bin.type, bin.bytes) or string_pack('<s1B', name, UNCHANGED)
  end
  return table_concat(pieces)
end

local function encode_failure(message)
  return string_pack('B', FAILURE) .. (type(message) == 'string' and c_string(message) or 'result value type unexpected')
end

-- The function that a request names, its arguments in a table, their number, and the position of the record.
local function read_request(request)
  local name, arguments_size, position = string_unpack('<s2I4', request)
  local arguments, behind = {}, position + arguments_size
  local well_formed, count = pcall(core.decode_arguments, string_sub(request, position, behind - 1), arguments)
  return globals[name], arguments, well_formed and count or 0, behind
end

-- A failure of the function is an ordinary answer of this one; it raises only what cannot be answered.
function core.call(request)
  local f, arguments, count, position = read_request(request)
  if f == nil then return encode_failure('function not found') end
  local state = core.new_record(request, position)

  -- The server leaves these two globals behind as well: a module that uses their names is in for a surprise.
  local success, result = pcall(f, core.box(state), table_unpack(arguments, 1, count))
  globals.success, globals.result = success, result
  if not success then return encode_failure(result) end

  local record = state.working
  local refusal = record and core.refusal_of(record)
  if refusal then return string_pack('BB', REFUSED, refusal) end
  local particle_type, bytes = result_particle(result)
  return string_pack('<BBs4', SUCCESS, particle_type, bytes) .. encode_change(record)
end

-- The next record of the scan, or nil. It can be changed like any other, but nothing is committed.
local function next_record()
  local request = core.next_record()
  if not request then return nil end
  local _, arguments_size, position = string_unpack('<s2I4', request)
  return core.box(core.new_record(request, position + arguments_size))
end

function core.aggregate(request)
  local f, arguments, count = read_request(request)
  local pieces = { string_pack('B', SUCCESS) }
  local success, message = pcall(function()
    local next_value = globals.apply_stream(f, next_record, table_unpack(arguments, 1, count))
    local value = next_value()
    while value ~= nil do
      pieces[#pieces + 1] = string_pack('<Bs4', result_particle(value))
      value = next_value()
    end
  end)
  if not success then return encode_failure(message) end
  return table_concat(pieces)
end

function core.load(module_name)
  require(module_name)
end
