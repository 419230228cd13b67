-- Locking the outputs of a record (semantics 2.8).

-- The answer always has the number of pages, on which the caller writes the same value.
function setLocked(rec, value)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  if type(value) ~= 'boolean' then
    return refused('INVALID_PARAMETER')
  end
  rec.locked = value
  if value then
    rec.deleteAtHeight = nil
  end
  update(rec)

  local response = ok()
  local total_extra_recs = rec.totalExtraRecs
  if total_extra_recs == nil then
    total_extra_recs = 0
  end
  response.childCount = total_extra_recs
  return response
end
