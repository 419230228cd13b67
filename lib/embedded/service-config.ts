/** Settings of the whole server; set-config changes them while it runs. */
export interface ServiceConfig {
  /** Rows of a batch above which it is refused; 0 = as many as fit in a frame. */
  batchRequestsMax: number
}
