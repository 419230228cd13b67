-- Iterators over lists and maps. What `for` runs on is a function, which is the same at each call of a library function,
-- and an Iterator, which knows where it is: called without one the function gives nothing.
local core = ...

local getuservalue = debug.getuservalue
local box, box_as = core.box, core.box_as

local Iterator = { __name = 'Iterator' }
core.metatables.Iterator = Iterator

local function self_of(...)
  local state = getuservalue((...), 1)
  if state and state.is == 'Iterator' then return state end
  core.not_an_object(1, 'Iterator', ...)
end

-- The library function that answers what `for` runs on. It goes over the object as it is at each step: a script may
-- change it meanwhile. `element` tells what a step gives of the element at a place, `object_of` makes an object of the
-- arguments of the library function.
function core.iteration(kind, object_of, element)
  local function step(iterator)
    local state = getuservalue(iterator, 1)
    if not state or state.is ~= 'Iterator' or state.object.is ~= kind then return end
    local place = state.place + 1
    if place > state.object.size then return end
    state.place = place
    return element(state.object, place)
  end
  return function(...)
    return step, box({ is = 'Iterator', object = object_of(...), place = 0, element = element })
  end
end

local library = {}

function library.has_next(...)
  local state = self_of(...)
  return state.place < state.object.size
end

-- Of a map it gives a userdata that is good for nothing, as the server does.
function library.next(...)
  local state = self_of(...)
  if state.place >= state.object.size then return nil end
  state.place = state.place + 1
  if state.object.is == 'Map' then return box_as({ is = 'Pair' }, nil) end
  return (state.element(state.object, state.place))
end

-- There is no way to make one: what is called is the library itself, which is none.
core.libraries.iterator = core.library(library, self_of)
core.libraries.Iterator = { has_next = library.has_next, next = library.next }
Iterator.__index, Iterator.__metatable = core.libraries.Iterator, core.libraries.Iterator
