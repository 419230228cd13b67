-- Marking a transaction as conflicting with another, or lifting the mark (semantics 2.8).

-- With `restates` a call that finds it so already signals how the record stands.
function setConflicting(rec, value, currentBlockHeight, retention, restates)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  if type(value) ~= 'boolean' then
    return refused('INVALID_PARAMETER')
  end
  local changes = rec.conflicting ~= value
  rec.conflicting = value
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  if restates == true and signal == nil and not changes then
    signal, child_count = standing_signal(rec, retention)
  end
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
