-- Keeping a transaction from being pruned until a height (semantics 2.8).

function preserveUntil(rec, height)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  if not is_integer(height) then
    return refused('INVALID_PARAMETER')
  end
  rec.deleteAtHeight = nil
  rec.preserveUntil = height
  update(rec)

  local response = ok()
  add_signal(response, external_signal(rec, 'PRESERVE'), nil)
  return response
end
