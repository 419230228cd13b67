-- Streams: the server's part of an aggregation (protocol 7.12), which is every operation up to and including the first
-- `reduce`. A stream is pulled: each operation makes a function that answers the next value, or nil at the end, out of
-- the one before it.
local core = ...

local error, ipairs, pcall, setmetatable = error, ipairs, pcall, setmetatable
local libraries = core.libraries

function libraries.filter(next_value, accepts)
  return function()
    local value = next_value()
    while value ~= nil and not accepts(value) do value = next_value() end
    return value
  end
end

function libraries.transform(next_value, f)
  return function()
    local value = next_value()
    if value ~= nil then return f(value) end
  end
end

-- Makes one value of all that are left, starting from `result`.
local function fold(next_value, result, take_in)
  local value = next_value()
  while value ~= nil do
    result = take_in(result, value)
    value = next_value()
  end
  return result
end

-- Makes a function that answers what `compute` answers, once.
local function once(compute)
  local is_done = false
  return function()
    if is_done then return nil end
    is_done = true
    return compute()
  end
end

-- Answers `initial` when there are no values.
function libraries.aggregate(next_value, initial, take_in)
  return once(function() return fold(next_value, initial, take_in) end)
end

-- Answers nothing when there are no values.
function libraries.reduce(next_value, combine)
  return once(function()
    local first = next_value()
    if first ~= nil then return fold(next_value, first, combine) end
  end)
end

-- What a function gets as its stream, and answers: operations to come, in order.
local StreamOps = {}
local StreamOps_mt = { __index = StreamOps }
libraries.StreamOps, libraries.StreamOps_mt = StreamOps, StreamOps_mt

-- Where an operation runs, as the server numbers it.
local ON_SERVER, ON_EITHER, ON_BOTH = 1, 3, 4

function libraries.StreamOps_create()
  return setmetatable({ ops = {} }, StreamOps_mt)
end

local function operation(name, scope, func)
  return function(stream, ...)
    local ops = stream.ops
    ops[#ops + 1] = { name = name, scope = scope, func = func, args = { ... } }
    return stream
  end
end

StreamOps.filter = operation('filter', ON_EITHER, libraries.filter)
StreamOps.map = operation('map', ON_EITHER, libraries.transform)
StreamOps.aggregate = operation('aggregate', ON_SERVER, libraries.aggregate)
StreamOps.reduce = operation('reduce', ON_BOTH, libraries.reduce)

-- Makes one map of lists: the values by the key that `key_of` answers for each.
function StreamOps.groupby(stream, key_of)
  local list, map = libraries.list, libraries.map
  return stream:aggregate(map(), function(groups, value)
    local key = key_of and key_of(value) or nil
    local group = groups[key] or list()
    list.append(group, value)
    groups[key] = group
    return groups
  end):reduce(function(a, b) return map.merge(a, b, list.merge) end)
end

-- The function that answers, one by one, what a stream function makes of the values of `next_value`. A global in the
-- server, as the one below.
function libraries.apply_stream(f, next_value, ...)
  if f == nil then error('function not found', 0) end
  local stream = f(libraries.StreamOps_create(), ...)
  for _, op in ipairs(stream.ops) do
    next_value = op.func(next_value, op.args[1], op.args[2])
    if op.scope == ON_BOTH then break end
  end
  return next_value
end

function libraries.apply_record(f, record, ...)
  if f == nil then error('function not found', 0) end
  local success, result = pcall(f, record, ...)
  if not success then error(result, 0) end
  return result
end

-- Streams exist inside the server only: given anything a script has, the functions raise.
local function wants_stream(...)
  core.mistyped(1, 'Stream', ...)
end

libraries.stream = core.library({
  read = wants_stream,
  readable = wants_stream,
  tostring = wants_stream,
  writable = wants_stream,
  write = wants_stream,
})
