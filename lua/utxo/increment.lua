-- Counting, on the master, the pages that are all spent (semantics 2.8).

-- `inc` may be negative. The counter is kept within 0 and the number of pages: after an interrupted rollback it
-- can have drifted, and refusing the call then would stop a node for good.
--
-- Who has looked at the pages can say how many are known to be all spent (`spentPages`) and not to be (`openPages`):
-- the counter is kept within that, too, whatever became of the calls that should have counted them.
function incrementSpentExtraRecs(rec, inc, currentBlockHeight, retention, spentPages, openPages, restates)
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
  local least = is_integer(spentPages) and math.min(spentPages, total_extra_recs) or 0
  local most = is_integer(openPages) and total_extra_recs - openPages or total_extra_recs
  -- An open page weighs more: a count that is too low only keeps the transaction.
  rec.spentExtraRecs = math.max(0, math.min(math.max(spent_extra_recs + inc, least), most))
  local signal, child_count = update_delete_at_height(rec, currentBlockHeight, retention)
  if restates == true and signal == nil then
    signal, child_count = standing_signal(rec, retention)
  end
  update(rec)

  local response = ok()
  add_signal(response, signal, child_count)
  return response
end
