-- Counting, on the master, the pages that are all spent (semantics 2.8).

-- `inc` may be negative. The counter is kept within 0 and the number of pages: after an interrupted rollback it
-- can have drifted, and refusing the call then would stop a node for good.
function incrementSpentExtraRecs(rec, inc, currentBlockHeight, retention)
  if not aerospike:exists(rec) then
    return refused('TX_NOT_FOUND')
  end
  local total_extra_recs = rec.totalExtraRecs
  if total_extra_recs == nil or not is_integer(inc) then
    return refused('INVALID_PARAMETER')
  end
  local spent_extra_recs = rec.spentExtraRecs
  if spent_extra_recs == nil then
    spent_extra_recs = 0
  end
  rec.spentExtraRecs = math.max(0, math.min(spent_extra_recs + inc, total_extra_recs))
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
