-- The calls of the host: text in, text out (see call-encoding.ts for both).
local core = ...

local globals, require, run, type = _G, require, core.run, type
local string_pack, string_unpack, table_concat = string.pack, string.unpack, table.concat
local c_string, decode_arguments, result_particle = core.c_string, core.decode_arguments, core.result_particle
local box_record, new_record, refusal_of = core.box_record, core.new_record, core.refusal_of
local record_of, to_stored = core.record_of, core.to_stored

local SUCCESS, FAILURE, REFUSED = 0, 1, 2
local CHANGE_NONE, CHANGE_WRITE, CHANGE_REMOVE = 0, 1, 2
local NO_TTL = math.mininteger

-- Adds what became of the record.
local function add_change(pieces, record)
  if not record.changed then
    pieces[2] = string_pack('B', CHANGE_NONE)
  elseif #record.names == 0 then
    pieces[2] = string_pack('B', CHANGE_REMOVE)
  else
    local names, encoded = record.comings_and_goings, record.encoded
    pieces[2] = string_pack('<BBBi8BI4', CHANGE_WRITE, record.existed and 0 or 1, record.drops_key and 1 or 0,
      record.new_ttl or NO_TTL, record.was_removed and 0 or 1, #names)
    for i = 1, #names do pieces[i + 2] = string_pack('s1', names[i]) end
    local count = #pieces
    for i = 1, #encoded do
      -- An empty text stands for a bin that was removed meanwhile.
      pieces[count + i] = encoded[encoded[i]] or ''
    end
  end
end

local function encode_failure(message)
  return string_pack('B', FAILURE) .. (type(message) == 'string' and c_string(message) or 'result value type unexpected')
end

-- The function that a request names, and the positions of the arguments and of the record.
local function read_request(request)
  local arguments_position, record_position, name = string_unpack('<I4I4s2', request)
  return globals[name], arguments_position, record_position
end

-- A failure of the function is an ordinary answer of this one; it raises only what cannot be answered.
function core.call(request)
  local f, arguments_position, record_position = read_request(request)
  if f == nil then return encode_failure('function not found') end
  local record = new_record(request, record_position)

  -- The server leaves these two globals behind as well: a module that uses their names is in for a surprise.
  local success, result = run(f, box_record(record), decode_arguments(request, arguments_position, record_position))
  globals.success, globals.result = success, result
  if not success then return encode_failure(result) end

  local refusal = refusal_of(record)
  if refusal then return string_pack('BB', REFUSED, refusal) end
  local reply = { string_pack('<BBs4', SUCCESS, result_particle(result)) }
  add_change(reply, record)
  return table_concat(reply)
end

-- The next record of the scan, or nil.
local function next_record()
  local request = core.next_record()
  if not request then return nil end
  local _, _, record_position = read_request(request)
  return box_record(new_record(request, record_position, true))
end

function core.aggregate(request)
  local f, arguments_position, record_position = read_request(request)
  local pieces = { string_pack('B', SUCCESS) }
  core.is_aggregating = true
  local success, message = run(function()
    local next_value = globals.apply_stream(f, next_record,
      decode_arguments(request, arguments_position, record_position))
    local value = next_value()
    while value ~= nil do
      -- What is no value makes no row; a record makes one, of null.
      if to_stored(value) ~= nil or record_of(value) then
        pieces[#pieces + 1] = string_pack('<Bs4', result_particle(value))
      end
      value = next_value()
    end
  end)
  core.is_aggregating = false
  if not success then return encode_failure(message) end
  return table_concat(pieces)
end

function core.load(module_name)
  require(module_name)
end
