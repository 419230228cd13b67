-- The globals that scripts see: the standard libraries with what must not reach out of the state taken away, and ours.
local core = ...

local globals, native = _G, core.native
local error, next, string_format, table_concat, tostring = error, next, string.format, table.concat, tostring
local package = package

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

-- The global `debug` is a log function; what is left of the library could otherwise switch the time limit off.
package.loaded.debug = { getinfo = debug.getinfo, traceback = debug.traceback }

package.path = package.path .. ';' .. core.user_path .. '/?.lua'
package.cpath = package.cpath .. ';' .. core.user_path .. '/?.so'

function math.sum(a, b) return a + b end
function math.product(a, b) return a * b end

for name, value in next, core.libraries do globals[name] = value end
