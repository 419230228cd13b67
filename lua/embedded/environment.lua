-- The globals that scripts see: the standard libraries with what must not reach out of the state taken away, and ours.
local core = ...

local globals, native = _G, core.native
local debug_getmetatable, error, next = debug.getmetatable, error, next
local rawget, rawset, select, tostring, type = rawget, rawset, select, tostring, type
local string_format, table_concat = string.format, table.concat

local function unavailable(name)
  return function() error(string_format('%s is not available in the embedded server', name), 2) end
end

-- The process is not the script's.
os.exit = unavailable('os.exit')
os.execute = unavailable('os.execute')
io.popen = unavailable('io.popen')

-- The file system is one in memory, but its standard streams would be those of the process.
local nowhere = io.open('/dev/null', 'r+')
io.stdin, io.stdout, io.stderr = nowhere, nowhere, nowhere
io.input(nowhere)
io.output(nowhere)

function print(...)
  local pieces = {}
  for i = 1, select('#', ...) do pieces[i] = tostring((select(i, ...))) end
  core.log(2, table_concat(pieces, '\t'))
end

-- The time limit is a hook, and Lua calls no hooks in two places where scripts can have code of theirs run: finalizers,
-- and the message handler of an error that a hook raised. So no object of a script is ever finalized, and its handlers
-- do not see the error of the time limit.
local raw_setmetatable, raw_xpcall = setmetatable, xpcall

setmetatable = native(function(...)
  local object, metatable = ...
  if type(object) ~= 'table' then core.mistyped(1, 'table', ...) end
  if select('#', ...) < 2 or metatable ~= nil and type(metatable) ~= 'table' then
    core.mistyped(2, 'nil or table', ...)
  end
  local current = debug_getmetatable(object)
  if current and rawget(current, '__metatable') ~= nil then core.fail('cannot change a protected metatable') end
  local finalizer = metatable and rawget(metatable, '__gc')
  if finalizer == nil then return raw_setmetatable(object, metatable) end
  rawset(metatable, '__gc', nil)
  raw_setmetatable(object, metatable)
  rawset(metatable, '__gc', finalizer)
  return object
end)

function xpcall(f, handler, ...)
  if type(handler) ~= 'function' then
    local text = "bad argument #2 to 'xpcall' (function expected, got %s)"
    error(string_format(text, core.type_name(handler)), 2)
  end
  return raw_xpcall(f, function(message)
    if message == core.timeout_text then return message end
    return handler(message)
  end, ...)
end

-- The global `debug` is a log function; what is left of the library could otherwise switch the time limit off.
package.loaded.debug = { getinfo = debug.getinfo, traceback = debug.traceback }

package.path = package.path .. ';' .. core.user_path .. '/?.lua'
package.cpath = package.cpath .. ';' .. core.user_path .. '/?.so'

function math.sum(a, b) return a + b end
function math.product(a, b) return a * b end

for name, value in next, core.libraries do globals[name] = value end
