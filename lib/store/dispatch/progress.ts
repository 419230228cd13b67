/** How far a call on a list has come. */
export interface Progress {
  /** Entries that are done, whatever became of them. */
  readonly done: number
  readonly total: number
}

export type OnProgress = (progress: Progress) => void
