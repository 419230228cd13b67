/** The part of a logger that the service uses; pino fits as it is. */
export interface AssetLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

type Level = keyof AssetLogger

/** What the service tells of, and how loudly: a client that leaves is no fault of ours. */
export const ASSET_EVENTS = {
  subtree_data_created: 'info',
  subtree_data_failed: 'warn',
  subtree_data_refused: 'debug',
  subtree_data_abandoned: 'debug',
} as const satisfies Record<string, Level>

export type AssetEvent = keyof typeof ASSET_EVENTS

/** Logs an event. What a logger throws is dropped: it must not fail a request. */
export function logEvent(
  logger: AssetLogger | undefined,
  event: AssetEvent,
  fields: object,
  message: string,
): void {
  try {
    logger?.[ASSET_EVENTS[event]]({ event, ...fields }, message)
  } catch {}
}
