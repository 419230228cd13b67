/** Settings of a namespace; set-config changes them while the server runs. */
export interface NamespaceConfig {
  /** What record_ttl 0 stands for, in seconds; 0 = never expires. */
  defaultTtlSeconds: number
  /** How often expired records are removed, in seconds; 0 = never. They cannot be read before that either. */
  nsupPeriodSeconds: number
  /** Whether records may expire although nsup is off. */
  allowTtlWithoutNsup: boolean
  /** The largest record, in bytes. */
  recordBytesMax: number
}

export const DEFAULT_NAMESPACE_CONFIG: Readonly<NamespaceConfig> = {
  defaultTtlSeconds: 0,
  nsupPeriodSeconds: 10,
  allowTtlWithoutNsup: false,
  recordBytesMax: 1024 * 1024,
}
