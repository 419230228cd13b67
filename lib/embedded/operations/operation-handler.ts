import type { Operation } from '../../protocol/index.ts'
import type { ExpressionSubject } from '../expressions/subject.ts'
import type { BinList } from '../storage/bin-list.ts'
import type { OperationAnswers } from './operation-answers.ts'

/** What an operation works on: the record, as expressions see it, too. */
export interface OperationScope extends ExpressionSubject {
  /** A working copy: nothing of it is kept when an operation fails. */
  readonly bins: BinList
  readonly answers: OperationAnswers
  /** Whether the command writes; reads answer an empty result differently then (protocol 5.4). */
  readonly inWrite: boolean
}

/** One kind of operation (protocol 3.3). */
export interface OperationHandler {
  /** A `read` needs the READ bit and does not change bins; a `write` may not appear in a read command. */
  readonly access: 'read' | 'write'
  /** Whether it may appear in a command that replaces the record (protocol 5.3). */
  readonly inReplace: boolean
  /** Whether it can answer with a bin, which a read of all bins in the same command forbids. */
  readonly answersBin: boolean
  /** Whether it can only work on a record that exists. */
  readonly needsRecord?: boolean
  /** @throws CommandError when it fails, and the command with it */
  apply(operation: Operation, scope: OperationScope): void
}
