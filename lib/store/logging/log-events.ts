/**
 * Every event that the store logs, with what it means to an operator: the one place for its name. The name is
 * the field `event` of the log line, and stable; the text of the line is not.
 */
export const LOG_EVENTS = {
  batch_handler_failed: 'a batch handler threw or left items without an answer; a defect of the store',
  batch_handler_lost: 'a batch handler did not return within its bound; its callers have their errors',
  batch_sent: 'with verboseDebug: a batch went to the server, and how many of its rows did not answer OK',
  batch_settled:
    'with verboseDebug: a batch of a batcher has ended, and how many of its callers have an error',
  close_overrun: 'calls had not ended when the store was closed',
  conflict_failed: 'conflict processing failed in a phase; isUndone tells whether it left nothing behind',
  conflict_intent_left: 'an intent that was not begun may be in the conflict log',
  conflict_log_unread: 'the conflict log could not be read at the start',
  conflict_output_lost:
    'an output could not be given back to who held it before a conflict that was undone: another has it by now',
  conflict_recovered: 'an interrupted run of conflict processing was run again',
  conflict_undo_failed: 'what conflict processing had done could not be undone; it stays pending',
  conflict_unlock:
    'the parents that an interrupted run of conflict processing may have left locked are unlocked',
  conflicts_pending: 'conflict processing was interrupted; recoverConflicts has to run before the next',
  connect_failed: 'an attempt to connect failed',
  creation_lock_stays: 'a creation lock could not be released; it expires within five minutes',
  creation_repaired: 'a transaction whose creation was interrupted is being completed',
  creation_unfinished:
    'the marks of a creation could not be cleared; its outputs cannot be spent until they are',
  dangling_spenders: 'outputs are spent by transactions that have no record',
  follow_up_failed: 'a follow-up of a signal failed; counts of spent pages or delete-at-heights may be wrong',
  hosts_left_out: 'hosts of the store URL do not answer; it was opened by the others',
  node_added:
    'the wire transport met a node of the cluster; a warning where it was not tested with the release of that',
  node_removed: 'the wire transport gave a node of the cluster up',
  nsup_off: 'nsup-period is 0: records with a time to live would never go',
  overload_retried: 'rows that a server refused for load are sent again',
  preserve_failed: 'a transaction could not be preserved, or not all of its pages',
  preserve_parents_unknown: 'the inputs of an unmined transaction cannot be read; its parents may be pruned',
  prune_body_missing: 'the body of a pruned transaction was missing; its parents could not be told',
  prune_chunk_failed: 'a chunk of records could not be pruned to its end',
  prune_failed: 'a transaction could not be pruned',
  prune_output_open: 'a transaction that was due has an output that is not spent, and is kept',
  prune_removal_left: 'pages or the body of a pruned transaction are left for a later run',
  queue_full: 'a call was refused: the queue is at its cap',
  range_retried: 'a query ended early, and the partitions that it had not read are asked for again',
  record_skipped: 'a query met a record without a valid txid',
  release_failed: 'closing after a failed open failed',
  spend_abandoned: 'the wait for a spend ended before all inputs were answered; they may still be applied',
  spend_breaker_changed: 'the circuit breaker of spends opened, lets probes through, or closed',
  spend_lost: 'a transaction with a record lost an input to another while its spend was being rolled back',
  spend_rollback: 'a spend failed in part; outcome tells what became of its successes',
  spend_rollback_failed: 'a rollback ended early, or outputs keep naming a spender that has no record',
  spend_taken_again: 'a transaction found inputs free that it had spent, and spent them again',
  spent_pages_drifted: 'a transaction counted as fully spent has a page that is not',
  surplus_answers: 'the transport answered rows twice, or rows that were not asked',
  transport_chosen: 'what carries the batches, the wire transport or the npm client, and why',
  udf_register: 'the UDF module is being registered',
  unwanted_answer: 'an answer came for an item that was answered or given up',
} as const

export type LogEvent = keyof typeof LOG_EVENTS
