-- Marking a transaction as conflicting with another, or lifting the mark (semantics 2.8).

function setConflicting(rec, value, currentBlockHeight, retention)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  if type(value) ~= 'boolean' then
    return refused('INVALID_PARAMETER')
  end
  rec.conflicting = value
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
