-- Remembering the spenders that were deleted, so that a replay of one is refused (semantics 2.8).

-- `txids` is a list of display-hex txids.
function addDeletedChildren(rec, txids)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  for i = 1, list.size(txids) do
    if type(txids[i]) ~= 'string' then
      return refused('INVALID_PARAMETER')
    end
  end
  for i = 1, list.size(txids) do
    set_entry(rec, 'deletedChildren', txids[i], true)
  end
  update(rec)
  return ok()
end
