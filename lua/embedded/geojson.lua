-- GeoJSON values: objects that carry their text and can do nothing but be stored and shown.
local core = ...

local select, string_format, type = select, string.format, type
local getuservalue = debug.getuservalue

local GeoJSON = { __name = 'GeoJSON' }
core.metatables.GeoJSON = GeoJSON

local function new(text)
  return { is = 'GeoJSON', text = text }
end
core.new_geojson = new

function GeoJSON:__tostring()
  return string_format('"%s"', getuservalue(self, 1).text)
end

local function construct(...)
  local text = select(2, ...)
  if select('#', ...) ~= 2 or text == nil then return nil end
  if type(text) == 'number' then text = string_format('%s', text) end
  if type(text) ~= 'string' then core.mistyped(2, 'string', ...) end
  return core.box(new(core.c_string(text)))
end

core.libraries.geojson = core.library({}, construct)
