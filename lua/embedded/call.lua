-- The calls of the host: text in, text out (see call-encoding.ts for both).
local core = ...

local globals, pcall, require, type = _G, pcall, require, type
local string_pack, string_unpack, table_concat = string.pack, string.unpack, table.concat
local c_string, decode_arguments, result_particle = core.c_string, core.decode_arguments, core.result_particle

local SUCCESS, FAILURE, REFUSED = 0, 1, 2
local CHANGE_NONE, CHANGE_WRITE, CHANGE_REMOVE = 0, 1, 2
local NO_TTL = math.mininteger

local function encode_change(record)
  if not record or not record.changed then return string_pack('B', CHANGE_NONE) end
  if #record.names == 0 then return string_pack('B', CHANGE_REMOVE) end
  local encoded, names, comings_and_goings = record.encoded, record.encoded_names, record.comings_and_goings
  local pieces = {
    string_pack('<BBBi8BI4', CHANGE_WRITE, record.existed and 0 or 1, record.drops_key and 1 or 0,
      record.new_ttl or NO_TTL, record.was_removed and 0 or 1, #comings_and_goings),
  }
  for i = 1, #comings_and_goings do pieces[i + 1] = string_pack('s1', comings_and_goings[i]) end
  for i = 1, #names do
    local bin = encoded[names[i]]
    if bin then pieces[#pieces + 1] = string_pack('<s1Bs4', names[i], bin.type, bin.bytes) end
  end
  return table_concat(pieces)
end

local function encode_failure(message)
  return string_pack('B', FAILURE) .. (type(message) == 'string' and c_string(message) or 'result value type unexpected')
end

-- The function that a request names, and the positions of the arguments and of the record.
local function read_request(request)
  local name, arguments_size, position = string_unpack('<s2I4', request)
  return globals[name], position, position + arguments_size
end

-- A failure of the function is an ordinary answer of this one; it raises only what cannot be answered.
function core.call(request)
  local f, arguments_position, record_position = read_request(request)
  if f == nil then return encode_failure('function not found') end
  local state = core.new_record(request, record_position)

  -- The server leaves these two globals behind as well: a module that uses their names is in for a surprise.
  local success, result = pcall(f, core.box(state), decode_arguments(request, arguments_position, record_position))
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
  local _, _, record_position = read_request(request)
  return core.box(core.new_record(request, record_position))
end

function core.aggregate(request)
  local f, arguments_position, record_position = read_request(request)
  local pieces = { string_pack('B', SUCCESS) }
  local success, message = pcall(function()
    local next_value = globals.apply_stream(f, next_record,
      decode_arguments(request, arguments_position, record_position))
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
